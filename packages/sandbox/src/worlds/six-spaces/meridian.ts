/** Meridian: a rollup with a security council. Invented, like everybody and every sum in it. */
import { DAY, HOUR, type ProposalText, type SpaceText } from './text.ts';

const PROPOSALS: readonly ProposalText[] = [
  {
    name: 'council-seat',
    kind: 'election',
    type: 'copeland',
    title: 'MIP-12: One seat on the security council',
    choices: ['Tidemark', 'Idris Vale', 'Sunniva R.', 'Fathom Works', 'Paloma Reyes', 'Leave the seat empty'],
    opens: -2 * DAY,
    ends: 1 * DAY,
    scores: [3.5, 4, 4.5, 1, 2, 0],
    votes: 186,
    body: `
Each pair of candidates is compared; whoever wins most of the pairs is elected. Rank all six.

### Tidemark
A firm of four. Audited our bridge in spring and found the replay bug. Would rotate the person who holds the key.

### Idris Vale
Ran incident response for two exchanges. Attended every drill of the past year as a guest.

### Sunniva R.
Wrote the fault proofs. Publishes a weekly report on them. Works for the foundation, and would leave the room for its contracts.

### Fathom Works
Offers to sign within five minutes, by an automated script on a single key.

### Paloma Reyes
Law and disclosure. New to key ceremonies, and says so.

### Leave the seat empty
Eleven members remain; nine must sign.
`,
  },
  {
    name: 'sequencer-upgrade',
    kind: 'upgrade',
    type: 'single-choice',
    title: 'MIP-13: Upgrade “Heron”: forced inclusion after 30 minutes',
    choices: ['Against', 'For', 'Abstain'],
    opens: -4 * DAY,
    ends: 6 * HOUR,
    quorum: 5_000_000,
    // Far from the quorum, with hours to go.
    scores: [90_000, 610_000, 12_000],
    votes: 74,
    plugins: {
      safeSnap: {
        safes: [
          {
            network: '1',
            realityAddress: '0x5be07d1c9f2a48360e4b1d7ca0f9358261d7e0ab',
            hash: '0x5d3f0a91c7e26b48d0f1a37c9be2564803ac17df5e92b608471cd3fa0e96b275',
            txs: [
              {
                hash: '0x0c4e8b72d1f9a36055e7c20b4d18f6a93b7e50c2d41f89a6e3075bcd92f10864',
                nonce: 0,
                transactions: [
                  { to: '0xa40f7e19c3d852b6074fd1c9e82b5a3670f1de48', value: '0', data: '0x3659cfe6', operation: '1' },
                ],
              },
            ],
          },
        ],
      },
    },
    body: `
Today a sequencer that is down or hostile can keep a transaction out for 24 hours. Heron lets anybody force it in through the
main chain after 30 minutes.

The code has been audited by two firms and ran on the test network for four months. The upgrade passes a timelock of seven
days, within which anybody may leave. Blocks with forced transactions cost about 2 % more.

The attached SafeSnap transaction is a delegate call from the upgrade executor.
`,
  },
  {
    name: 'veto-fast-bridge',
    kind: 'upgrade',
    type: 'basic',
    title: 'MIP-14: Veto window for the fast bridge',
    choices: ['Let it pass', 'Veto', 'Abstain'],
    quorum: 750_000,
    quorumType: 'rejection',
    opens: -1 * DAY,
    ends: 2 * DAY,
    scores: [1_200_000, 96_000, 15_000],
    votes: 58,
    body: `
The technical committee has approved a bridge that pays out within a minute, insured by a bond of 2 million. It takes effect
unless 750,000 votes veto it. The bond is put up by a single market maker; the contracts are audited and capped at 5 million a day.
`,
  },
  {
    name: 'recall',
    kind: 'election',
    type: 'single-choice',
    privacy: 'shutter',
    title: 'MIP-15: Recall of a council member for a missed disclosure',
    choices: ['Recall', 'Reprimand', 'No action'],
    opens: -10 * HOUR,
    ends: 3 * DAY,
    votes: 61,
    body: `
A member held 80,000 tokens of a bridge while voting on its cap, and disclosed it five weeks late. The member says that the fund
which held them did not tell. The votes are encrypted until the vote ends.
`,
  },
  {
    name: 'incentives',
    kind: 'parameter',
    type: 'weighted',
    privacy: 'shutter',
    title: 'MIP-16: Incentives of the quarter, by application',
    choices: ['Lending', 'Exchanges', 'Games', 'Payments'],
    opens: -1 * DAY,
    ends: 8 * HOUR,
    votes: 140,
    body: `
2 million tokens are divided by the average of all ballots. Last quarter: lending 40 %, exchanges 35 %, games 5 %, payments 20 %.
Payments grew fastest for each token paid; three wallets took 61 % of what went to the exchanges.
`,
  },
  {
    name: 'constitution-sunset',
    kind: 'constitution',
    type: 'basic',
    title: 'MIP-17: Constitution, section 9: the foundation’s veto ends in two years',
    choices: ['For', 'Against', 'Abstain'],
    quorum: 4_000_000,
    opens: -5 * DAY,
    ends: 9 * DAY,
    // Just over the quorum.
    scores: [3_420_000, 580_400, 21_000],
    votes: 1_204,
    body: `
The foundation may veto any upgrade. Section 9 gives that right no end. We propose that it ends two years from now, and that the
security council keeps a power to delay, not to stop: 14 days, once for each upgrade.

Nothing else changes. If the council and the foundation disagree before that day, the foundation's word stands.
`,
  },
  {
    name: 'gas-target',
    kind: 'parameter',
    type: 'ranked-choice',
    title: 'MIP-18: Gas target for a block, in millions',
    choices: ['15', '20', '25', '30', '35', '40', '45', '50', '55', '60'],
    opens: -3 * HOUR,
    ends: 4 * DAY,
    scores: [10, 22, 61, 75, 40, 19, 8, 5, 2, 6],
    votes: 33,
    body: `
Home nodes keep up to 35 million without new disks; the client team tested up to 45. Above it the state grows by 1 TB a year.
`,
  },
  {
    name: 'audit-retainer',
    kind: 'grant',
    type: 'basic',
    title: 'MIP-11: A retainer for two audit firms, 900,000 USDC',
    choices: ['For', 'Against', 'Abstain'],
    opens: -12 * DAY,
    ends: -7 * DAY,
    scores: [4_811_000, 702_000, 33_000],
    votes: 977,
    body: 'Two firms hold 40 reviewer weeks a year for us. Unused weeks roll over once. Reports are published in full.',
  },
];

export const MERIDIAN: SpaceText = {
  id: 'meridianrollup.eth',
  name: 'Meridian Rollup',
  about: 'A rollup, its council and its constitution. An invented DAO for trying Quorum.',
  symbol: 'MRDN',
  quorum: 1_000_000,
  proposals: PROPOSALS,
};
