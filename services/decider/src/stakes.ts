/**
 * Step 5: how much hangs on the proposal, read from it in code. The model can raise this, never lower it. Words are English for
 * now: in another language the model's own view is all there is.
 */
import type { Proposal } from '@quorum/snapshot/proposal';
import type { Stakes } from '@quorum/shared/decision';
import type { Cleaned } from './clean.ts';

/** Why the stakes are high. */
export type StakesGround = 'executable' | 'value' | 'roles' | 'constitution' | 'cut' | 'power_decides';

export type StakesFound = { readonly stakes: Stakes; readonly grounds: readonly StakesGround[] };

type StakesProposal = Pick<
  Proposal,
  'plugins' | 'choices' | 'quorum' | 'scores' | 'scores_total' | 'votes' | 'privacy'
>;

/** Plugins that run transactions when a proposal passes. */
const EXECUTING = new Set(['safesnap', 'osnap']);

const VALUE = [
  /\b(?:transfer|disburse|reimburse|mint|airdrop|buy ?back|swap|spend|grant|fund|compensat|salar|payment|payout|budget|treasur|donat|loan|invest|endow|liquidity|reward|incentiv)\w*/i,
  /(?:[$€£]\s?\d|\d[\d.,]{0,30}\s?(?:k|m|mn|million|thousand)?\s?(?:USD[CTS]?|DAI|ETH|WETH|BTC|EUR|dollars?|tokens?)\b)/i,
];
const ROLES = [
  /\b(?:multi-?sig|signers?|admin\w*|ownership|guardians?|councils?|committees?|stewards?|delegat\w+|elect(?:s|ed|ion|ions)?|appoint\w*|nominat\w*|permissions?|roles?|upgrad\w+|timelocks?)\b/i,
];
const CONSTITUTION = [
  /\b(?:constitution\w*|charter|by-?laws?|amend\w*|quorum|voting (?:period|delay|threshold|system|power)|governance (?:process|framework|rules?|model)|proposal threshold|dissol\w+)\b/i,
];

/** The stakes of a proposal, with every ground. `votingPower`: the owner's; null where there is no voter. */
export function findStakes(
  proposal: StakesProposal,
  cleaned: Pick<Cleaned, 'title' | 'fullBody' | 'cut'>,
  votingPower: number | null,
): StakesFound {
  const text = [cleaned.title, cleaned.fullBody, ...proposal.choices].join('\n');
  const says = (patterns: readonly RegExp[]): boolean => patterns.some((pattern) => pattern.test(text));
  const found: Record<StakesGround, boolean> = {
    executable: isExecutable(proposal.plugins),
    value: says(VALUE),
    roles: says(ROLES),
    constitution: says(CONSTITUTION),
    cut: cleaned.cut > 0,
    power_decides: powerDecides(proposal, votingPower),
  };
  const grounds = GROUNDS.filter((ground) => found[ground]);
  return { stakes: grounds.length > 0 ? 'high' : 'low', grounds };
}

const GROUNDS = ['executable', 'value', 'roles', 'constitution', 'cut', 'power_decides'] as const;

/** Whether the proposal carries something that is executed when it passes. A plugin with nothing in it is none. */
export function isExecutable(plugins: Proposal['plugins']): boolean {
  return Object.entries(plugins).some(([name, content]) => EXECUTING.has(name.toLowerCase()) && hasContent(content));
}

function hasContent(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === '') return false;
  if (typeof value === 'object') return Object.values(value).some(hasContent);
  return true;
}

/** A twentieth of the quorum is a voice that can bring it about. */
const QUORUM_SHARE = 0.05;

/**
 * Whether the owner's vote could turn the result: a twentieth of a quorum, or, once anybody has voted, at least what lies between
 * the first two. Scores that are not told, as with a secret vote under way, could be that close.
 */
function powerDecides(
  proposal: Pick<Proposal, 'quorum' | 'scores' | 'scores_total' | 'votes' | 'privacy'>,
  votingPower: number | null,
): boolean {
  if (votingPower === null || votingPower <= 0) return false;
  if (proposal.quorum > 0 && votingPower >= QUORUM_SHARE * proposal.quorum) return true;
  if (proposal.votes === 0 && proposal.scores_total === 0) return false;
  const [first = 0, second = 0] = proposal.scores.toSorted((a, b) => b - a);
  return votingPower >= first - second;
}
