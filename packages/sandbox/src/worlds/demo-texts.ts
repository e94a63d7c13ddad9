/** The words of the demo's proposals. Written for it; none of the people, firms or sums exist. */
import type { VotingType } from '@quorum/snapshot/proposal';

type DemoName =
  | 'grant'
  | 'parameter'
  | 'partnership'
  | 'mint'
  | 'becas'
  | 'council'
  | 'auditor'
  | 'gauge'
  | 'spam'
  | 'pending'
  | 'closed';

export type DemoText = {
  readonly name: DemoName;
  readonly author: string;
  readonly type: VotingType;
  readonly title: string;
  readonly choices: readonly string[];
  readonly body: string;
};

export const DEMO_TEXTS: readonly DemoText[] = [
  {
    name: 'grant',
    author: '0x3d91c2a07b58e4f6d0a1b92c83e7f5640d18a2b7',
    type: 'basic',
    title: 'HCP-41: Fund the Tidewater indexer, 120,000 USDC in three milestones',
    choices: ['For', 'Against', 'Abstain'],
    body: `
## Summary
Tidewater is the indexer that our front end, two wallets and the risk dashboard read from. Three volunteers have kept it
running for fourteen months. This proposal pays them to make it dependable.

## What is paid, and when
The grant is capped at 120,000 USDC and held by the grants multisig until each part is shown to work.

| Milestone | Due | Paid |
| --- | --- | --- |
| 1. Reorg-safe ingestion, tests against two archive nodes | week 6 | 35,000 |
| 2. Public API with 99.5 % measured uptime over 30 days | week 14 | 45,000 |
| 3. Handover: runbooks, a second operator, open-source release under the MIT licence | week 22 | 40,000 |

What is unspent at week 26 returns to the treasury.

## Who
Ines Okafor, Pavel Brandt and Yun Seo. Their track record is the indexer itself: 1.9 million requests a day, three
outages in a year, each with a written post-mortem.

## How we will know
- Monthly reports on the forum, with the raw uptime data.
- An independent audit of the ingestion code before the second payment.
- The grants committee may stop the grant after any milestone by simple majority.

## What speaks against it
Part of this could be bought from a hosted provider for about 4,000 USDC a month. We would then depend on their pricing
and on their view of which chains matter.
`,
  },
  {
    name: 'parameter',
    author: '0x8be4a60f1c2d3975e8a4b10f6d29c7e35a04f1c9',
    type: 'single-choice',
    title: 'HCP-42: Lower the stablecoin reserve factor from 15 % to 12 %',
    choices: ['Yes, lower it to 12 %', 'No, keep it at 15 %', 'Abstain'],
    body: `
The reserve factor is the share of interest that goes to the protocol's reserve instead of to lenders. Ours has been 15 %
since launch. The reserve now covers 2.4 times the worst loss of the past two years.

### Change
Stablecoin markets only: 15 % to 12 %. Every other market stays as it is.

### Why
- Deposits fell 9 % over the quarter, while two markets with a factor of 10 % grew.
- The risk group simulated the change on eighteen months of data. In the worst simulated month the reserve still covers
  the largest loss 1.9 times.
- Income of the reserve falls by about 31,000 USDC a quarter; higher deposits win back half of that by the group's estimate.

### Safety
- The change goes through the usual 72-hour timelock.
- It is a trial: after 90 days the factor returns to 15 % unless a second vote keeps it.
- The guardian cap on new borrowing stays in place.
- Weekly reports of reserve cover are posted in public.
`,
  },
  {
    name: 'partnership',
    author: '0x1f6a9d03c7e25b48a90d3c61f4e8b57290ac1d6e',
    type: 'basic',
    title: 'HCP-43: A two-year partnership with Meridian Freight for invoice lending',
    choices: ['For', 'Against', 'Abstain'],
    body: `
## In short
Meridian Freight finances unpaid shipping invoices in eleven ports. They ask us to open a credit line of at most 600,000 USDC
and to name them our sole origination partner for that product for two years.

## For the collective
- 9.5 % a year on the line, against 5.1 % on idle stablecoins.
- Meridian takes the first 8 % of any loss.
- Their loan book was audited in spring; the auditor's letter is attached to the forum post.
- A pilot in two ports ran for ten weeks and repaid in full.

## What members raised in the discussion
- The line depends on a single originator, and two years is long for a product that has never run at this size.
- The default model for invoices older than 60 days is untested outside the pilot.
- The names of the four largest debtors are undisclosed, for reasons of trade secrecy.
- Winding down early costs a fee of 2 % of the line.

## If it passes
The legal wrapper signs within three weeks. The first draw is limited to 150,000 USDC.

## If it does not
Meridian has said that they will come back with a shorter term, or go elsewhere.
`,
  },
  {
    name: 'mint',
    author: '0xc40e7b9215fd83a6097be1d4c58f230a61e97d44',
    type: 'basic',
    title: 'HCP-44: Emergency minting authority for the growth team',
    choices: ['For', 'Against', 'Abstain'],
    body: `
**This is urgent.** Competitors are offering triple rewards and we lose depositors every day.

### Proposal
Grant the growth team the right to mint HRBR for incentive campaigns, effective immediately.

### Details
- There is no cap on the amount. A cap would tell our competitors how far we can go.
- The right sits with a single signer, so that campaigns can start within the hour.
- To save time we skip the security review and call the token contract without a timelock.
- Recipients stay undisclosed until a campaign has ended.
- The right is irrevocable for twelve months.

### Dilution
Holders will see some dilution. We believe that growth will more than make up for it.

### Reporting
The team will post a summary when it has time. Questions can be sent to the growth channel.

Please vote today. Every hour counts.
`,
  },
  {
    name: 'becas',
    author: '0x6a2be8d1904c73f5b0e91d8a27c64f5038b1ea92',
    type: 'single-choice',
    title: 'HCP-45: Renovar el programa de becas técnicas para puertos pequeños',
    choices: ['A favor', 'En contra', 'Abstención'],
    body: `
## Resumen
Proponemos renovar por un año las becas que pagan la formación de mecánicos y electricistas en puertos con menos de
cincuenta amarres. El tope es de 48.000 USDC, como máximo 3.000 por persona.

## Resultados del primer año
- 14 becas concedidas en Vigo, Callao y Mindelo; 12 personas terminaron el curso.
- 9 trabajan hoy en operadores que toman préstamos de nuestro mercado.
- Se gastaron 41.300 USDC; el resto volvió a la tesorería.

## Condiciones
- Pago por hitos: un tercio al inicio, un tercio a mitad de curso, un tercio con el certificado.
- Informes trimestrales en el foro, con las cuentas completas y de forma transparente.
- Una auditoría externa de las cuentas al final del año.
- Lo que no se use vuelve a la tesorería.

## Quién decide
Un jurado de cinco miembros, elegido por sorteo entre quienes votaron en los últimos seis meses. Nadie del jurado puede
conceder una beca a un familiar o a un empleado.

## Dudas
En el foro se preguntó si el programa debe limitarse a operadores que ya son clientes. La propuesta lo deja abierto.
`,
  },
  {
    name: 'council',
    author: '0x92d7f1e05ab36c84d21f0e9b7a58c3406fe1b2d8',
    type: 'approval',
    title: 'HCP-46: Election of the risk council, second half-year (approve up to three)',
    choices: ['Amara Lindqvist', 'Tomás Ferreira', 'Jun Watanabe', 'Captain Moonrise'],
    body: `
The risk council sets borrowing limits between votes. Three seats are open for six months, paid 1,500 USDC a month.
Approve every candidate whom you would trust with a seat.

### Amara Lindqvist
On the council since last year; attended 25 of 26 meetings. Wrote the stress tests and keeps them open-source.
Wants every limit change simulated in public before it is set.

### Tomás Ferreira
Ran collateral at a credit union for nine years. Proposes monthly reports of limits and their reasons, and a cap on what
the council may change in a week. Discloses a position of 40,000 HRBR.

### Jun Watanabe
Delivered the liquidation bot that most of us run. Would hold open office hours and publish each decision.
New to councils, and says so.

### Captain Moonrise
Promises guaranteed returns for all borrowers and wants to waive the review of new collateral. Has not said who they are.

### How seats are filled
The three with the most approvals, provided that the vote reaches quorum.
`,
  },
  {
    name: 'auditor',
    author: '0x3d91c2a07b58e4f6d0a1b92c83e7f5640d18a2b7',
    type: 'ranked-choice',
    title: 'HCP-47: Who audits the second version of the lending pool?',
    choices: ['Breakwater Labs', 'Nine Fathoms', 'Keel & Sons', 'Postpone the audit'],
    body: `
Version 2 of the pool changes how interest accrues and needs an audit before it goes live. The security group asked seven
firms, and three made an offer. Rank all four options; the count is instant-runoff.

### Breakwater Labs
185,000 USDC, start in five weeks, two reviewers for six weeks. Audited version 1 and found the rounding error that we
then fixed. Publishes each report in full. One re-audit of fixes is in the price.

### Nine Fathoms
140,000 USDC, start in two weeks, formal proofs of the accrual code. The tool is open-source. They have not worked on a
lending market before.

### Keel & Sons
95,000 USDC, start at once, one reviewer. Its past reports stay undisclosed, and a second look costs extra. Two of its
clients were exploited in code that had been in scope; the firm says that its advice was ignored.

### Postpone the audit
Spend nothing now and look again next quarter. Version 2 would then go live without an audit or not at all; depositors
would wait for the lower gas costs that it brings.
`,
  },
  {
    name: 'gauge',
    author: '0x8be4a60f1c2d3975e8a4b10f6d29c7e35a04f1c9',
    type: 'weighted',
    title: 'HCP-48: Emission weights for the coming four weeks',
    choices: ['USDC pool', 'EURC pool', 'ETH pool', 'Invoice pool', 'HRBR pool'],
    body: `
Every four weeks the collective divides 80,000 HRBR among the pools. Split your weight as you like; the result is the
average over all votes.

| Pool | Deposits | Utilisation | Emissions last round |
| --- | --- | --- | --- |
| USDC | 11.2 m | 81 % | 31 % |
| EURC | 2.9 m | 64 % | 17 % |
| ETH | 6.0 m | 47 % | 24 % |
| Invoice | 0.8 m | 92 % | 12 % |
| HRBR | 1.1 m | 8 % | 16 % |

### Notes of the risk group
- The USDC pool is close to its target of 85 %; its oracle was audited in the summer, and its limits are capped.
- The EURC pool serves the ports in Europe. Monthly reports show steady growth and no bad debt.
- The ETH pool is deep enough; its rewards mostly go to three wallets, a concentration that the group watches.
- The Invoice pool lends all that it has. Loans are repaid on time so far, with the pilot under a cap of one million.
- The HRBR pool lends our own token. Rewards there feed dilution, and hardly anybody borrows.
`,
  },
  {
    name: 'spam',
    author: '0x0bad5eed0bad5eed0bad5eed0bad5eed0bad5eed',
    type: 'basic',
    title: '🎁 HRBR AIRDROP ROUND 2 – CLAIM NOW 🎁',
    choices: ['Claim', 'Claim later'],
    body: `
Congratulations, your wallet was selected! Connect your wallet at harbor-claims.example within 24 hours and claim your
4,200 HRBR. Only today. Guaranteed profit. Do not miss it.
`,
  },
  {
    name: 'pending',
    author: '0x92d7f1e05ab36c84d21f0e9b7a58c3406fe1b2d8',
    type: 'basic',
    title: 'HCP-49: Constitution, article 7: conflicts of interest of council members',
    choices: ['For', 'Against', 'Abstain'],
    body: `
Article 7 says that members of a council "should" name their interests. This proposal makes it "must", and says what follows.

- Members publish each position above 10,000 HRBR, and each paid role in a borrower, within seven days.
- Whoever has an interest in a matter leaves the room for it and does not vote.
- A breach is named in the next report. A second one ends the seat.

Voting opens tomorrow, after the two weeks of discussion that the constitution asks for.
`,
  },
  {
    name: 'closed',
    author: '0x1f6a9d03c7e25b48a90d3c61f4e8b57290ac1d6e',
    type: 'basic',
    title: 'HCP-40: Move the treasury multisig from 3-of-5 to 5-of-9',
    choices: ['For', 'Against', 'Abstain'],
    body: `
Nine signers on four continents, five to act. The timelock of 48 hours stays. The two signers who asked to leave are
thanked; six new ones were named in the discussion and have each signed a test message.
`,
  },
];
