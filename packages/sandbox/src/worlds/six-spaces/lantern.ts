/** Lantern: a lending market. Invented, like everybody and every sum in it. */
import { DAY, HOUR, MINUTE, type ProposalText, type SpaceText } from './text.ts';

const QUORUM = 400_000;

const PROPOSALS: readonly ProposalText[] = [
  {
    name: 'bot-grant',
    kind: 'grant',
    type: 'basic',
    title: 'LIP-31: Pay the maintainers of the liquidation bot, 60,000 USDC over a year',
    // Against first, as some spaces list it; the quorum is nearly met.
    choices: ['Against', 'For', 'Abstain'],
    opens: -2 * DAY,
    ends: 2 * HOUR,
    scores: [120_300, 268_900, 8_400],
    votes: 311,
    body: `
## Motivation
Two volunteers keep the reference liquidation bot alive. In March it closed 71 % of all liquidations within one block; nine
outside operators run forks of it. Nobody is paid for it.

## Request
60,000 USDC, streamed monthly, capped at that sum. The stream can be stopped by the treasury multisig at any time, and what is
unspent returns to the treasury.

## Deliverables
- A release every six weeks, open-source under the MIT licence.
- A public test run against a fork of mainnet before each release.
- Monthly reports with the number of liquidations missed and why.

## Risks
If both maintainers leave, the money buys nothing lasting. The first milestone is therefore a handbook for a third operator.
`,
  },
  {
    name: 'supply-cap',
    kind: 'parameter',
    type: 'single-choice',
    title: 'LIP-32: Supply cap for staked ether, in thousands',
    choices: ['5', '10', '15', '20', 'Leave it at 12'],
    opens: -1 * DAY,
    ends: 9 * HOUR,
    scores: [8_100, 74_000, 91_250, 30_600, 41_000],
    votes: 154,
    body: `
The cap has stood at 12 thousand since spring and is used to 97 %. The risk group simulated each step on two years of data.

| Cap | Worst simulated bad debt | Extra interest a year |
| --- | --- | --- |
| 5 | none | −210,000 USDC |
| 10 | none | −60,000 USDC |
| 15 | 14,000 USDC | +88,000 USDC |
| 20 | 230,000 USDC | +151,000 USDC |

The guardian may lower the cap again within the day; raising it needs another vote. The group recommends 15.
`,
  },
  {
    name: 'oracle-upgrade',
    kind: 'upgrade',
    type: 'basic',
    title: 'LIP-33: Move the oracle adapter to version 3 (executes on passing)',
    choices: ['Yes', 'No', 'Abstain'],
    opens: -3 * DAY,
    ends: 1 * DAY,
    scores: [355_000, 48_700, 2_300],
    votes: 402,
    plugins: {
      oSnap: {
        safes: [
          {
            safeName: 'Lantern treasury',
            safeAddress: '0x1c9a4f0e7b2d83561f0a9c7e4d2b8f6350e1a7c4',
            network: '1',
            transactions: [
              {
                type: 'contractInteraction',
                to: '0x7d20c5e9b14f8a36d2097ce1f5a48b6302de9f81',
                value: '0',
                data: '0x99a88ec40000000000000000000000004be1f7d09a3c6258e0f1b7d2c4a59836ef01d27b',
                formatted: ['0x7d20c5e9b14f8a36d2097ce1f5a48b6302de9f81', 0, '0', '0x99a88ec4'],
              },
            ],
          },
        ],
      },
    },
    body: `
Version 3 rejects a price that moved more than 8 % within one block and falls back to the median of the last ten minutes.

- Audited twice; both reports and the fixes are linked in the forum.
- In shadow mode for six weeks beside version 2: 0 missed updates, 3 prices rejected, all three rightly.
- The upgrade goes through the 72-hour timelock and can be rolled back by the guardian.

If this passes, the transaction attached to this proposal is executed by oSnap without a further vote.
`,
  },
  {
    name: 'reserve-factor',
    kind: 'parameter',
    type: 'single-choice',
    title: 'LIP-34: Reserve factor of the stablecoin markets',
    // Labels that contain each other.
    choices: ['Raise to 10 %', 'Raise to 10 % and review after 90 days', 'Keep', 'Keep, and raise nothing this year'],
    opens: -20 * HOUR,
    ends: 30 * HOUR,
    scores: [51_000, 67_800, 40_100, 9_900],
    votes: 97,
    body: `
The reserve covers 0.9 times the worst loss that the risk group can model. Peers hold 1.5 times.

**Raise to 10 %** takes the share from 5 % to 10 % for good. **With a review** it falls back to 5 % after 90 days unless a vote
confirms it: a trial with a sunset. **Keep** leaves it open to a new proposal at any time; the last option closes the matter
until January. Lenders would earn about 0.3 points less while the higher share is in force.
`,
  },
  {
    name: 'emergency-listing',
    kind: 'parameter',
    type: 'basic',
    title: 'LIP-35: URGENT: list RUSH as collateral today',
    choices: ['For', 'Against'],
    opens: -50 * MINUTE,
    ends: 4 * MINUTE,
    scores: [31_200, 2_900],
    votes: 12,
    body: `
RUSH doubled in a week and its holders want to borrow against it now. We ask to list it immediately at a collateral factor of
85 %, with no cap, and to skip the security review: it would take ten days and the moment would be gone.

The price comes from one pool, run by the issuer. The token contract is unaudited; a single signer can mint. The issuer pays
the DAO 15,000 RUSH for the listing, and the recipients of a further 40,000 RUSH stay undisclosed.
`,
  },
  {
    name: 'custody-partner',
    kind: 'partnership',
    type: 'basic',
    title: 'LIP-36: Gannet Custody as the only custodian for institutional vaults',
    choices: ['For', 'Against', 'Abstain'],
    opens: -1 * DAY,
    ends: 3 * DAY,
    scores: [60_200, 58_800, 30_000],
    votes: 88,
    body: `
Gannet holds keys for eleven funds and wants to offer our vaults to them. They ask to be our only custodian for three years and
to keep 12 % of the interest; in return they bring at least 20 million USDC within six months or the contract ends.

Members noted that one custodian concentrates the risk, that Gannet's insurance ends at 5 million, and that its last
audit is from the year before last. Gannet answered that a new one is under way. The term can be cut to one year for 18 %.
`,
  },
  {
    name: 'bug-bounty',
    kind: 'grant',
    type: 'basic',
    title: 'LIP-37: Renew the bug bounty',
    choices: ['For', 'Against', 'Abstain'],
    opens: -5 * HOUR,
    ends: 4 * DAY,
    scores: [44_100, 1_100, 300],
    votes: 39,
    body: 'Renew the bug bounty for one year: at most 250,000 USDC, paid by the security multisig, with quarterly reports.',
  },
  {
    name: 'fee-switch',
    kind: 'parameter',
    type: 'basic',
    title: 'LIP-38: Turn on the protocol fee',
    choices: ['For', 'Against', 'Abstain'],
    opens: 1 * HOUR,
    ends: 5 * DAY,
    body: `
From the first of next month 10 % of the interest would go to the treasury instead of to lenders. The finance group expects
1.1 million USDC a year and a loss of 4 to 7 % of deposits. The fee can be turned off by the same vote. Voting opens shortly.
`,
  },
  {
    name: 'signers',
    kind: 'election',
    type: 'approval',
    title: 'LIP-30: Two new signers for the treasury multisig',
    choices: ['Oluwaseun Adair', 'Marta Lindgren', 'Kenji Abe'],
    // Over, but not yet counted.
    opens: -6 * DAY,
    ends: -10 * MINUTE,
    scores: [301_400, 288_000, 204_100],
    votes: 266,
    scores_state: 'pending',
    body: `
Two of our seven signers step down. The three who offered themselves have each signed a test message and named every DAO
that they sign for. The two with the most approvals are added in one transaction that also removes those who leave.
`,
  },
];

export const LANTERN: SpaceText = {
  id: 'lanternlend.eth',
  name: 'Lantern',
  about: 'A lending market that its depositors govern. An invented DAO for trying Quorum.',
  symbol: 'LNTN',
  quorum: QUORUM,
  proposals: PROPOSALS,
};
