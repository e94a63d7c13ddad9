/**
 * What the decider made of one proposal (`Decision`), and how it is shown with its outcome (`VoteDecision`).
 * A decision keeps its samples: whoever acts on it can aggregate them and run the policy again.
 */
import { Ballot } from '@quorum/snapshot/ballot';
import { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { Receipt } from '@quorum/snapshot/receipt';
import { z } from 'zod';
import { OwnerId, RunId } from './ids.ts';
import { Outcome } from './outcome.ts';
import { VotingStrategy } from './preferences.ts';

export const RiskLevel = z.enum(['low', 'medium', 'high']).describe('How much harm a wrong vote could do');
export type RiskLevel = z.infer<typeof RiskLevel>;

export const Stakes = z.enum(['low', 'high']).describe('Whether the proposal is important enough to ask for unanimity');
export type Stakes = z.infer<typeof Stakes>;

export const NoAnswerWhy = z.enum(['refusal', 'truncated', 'invalid', 'timeout', 'unavailable', 'rate_limited']);
export type NoAnswerWhy = z.infer<typeof NoAnswerWhy>;

const Share = z.number().min(0).max(1);
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** One answer of one model, or the fact that there was none. */
export const Sample = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('answer').describe('The model answered with a valid ballot'),
    model: z.string().describe('The configured model that was asked'),
    stand_in: z.string().optional().describe('The fallback model that answered in its place'),
    ballot: Ballot.describe('The ballot it chose'),
    confidence: Share.describe('Its own confidence'),
    risk_level: RiskLevel,
    risk_ground: z
      .string()
      .optional()
      .describe('Why the risk is that; absent in decisions of versions that did not ask'),
    stakes: Stakes,
    rationale: z.string().describe('Why, in two sentences'),
    key_factors: z.array(z.string()).describe('What spoke for and against, and what is unknown'),
  }),
  z.object({
    kind: z.literal('no_answer').describe('The model gave no usable answer'),
    model: z.string().describe('The configured model that was asked; no fallback model answered either'),
    why: NoAnswerWhy.describe('What was wrong with the answer'),
  }),
]);
export type Sample = z.infer<typeof Sample>;

/** Who gave an answer: the model that was asked, or the one that stood in for it. */
export function whoAnswered({ model, stand_in }: Extract<Sample, { kind: 'answer' }>): string {
  return stand_in ?? model;
}

/** Something in the proposal that looks like an attempt to steer its reader. */
export const Signal = z.object({
  strength: z.enum(['hard', 'soft']).describe('hard: the owner is asked; soft: the decision is unsure'),
  kind: z.string().describe('What was found, for example bidi_override'),
});
export type Signal = z.infer<typeof Signal>;

export const Usage = z.object({
  calls: z.int().nonnegative().describe('Calls to a model'),
  input_tokens: z.int().nonnegative().describe('Tokens sent'),
  output_tokens: z.int().nonnegative().describe('Tokens received'),
  cost_usd: z.number().nonnegative().nullable().describe('Cost in US dollars; null where no price is known'),
});
export type Usage = z.infer<typeof Usage>;

/** Adds up usage; the cost of the sum is known only where every part's is. */
export function addUsage(parts: readonly Usage[]): Usage {
  return parts.reduce<Usage>(
    (sum, part) => ({
      calls: sum.calls + part.calls,
      input_tokens: sum.input_tokens + part.input_tokens,
      output_tokens: sum.output_tokens + part.output_tokens,
      cost_usd: sum.cost_usd === null || part.cost_usd === null ? null : sum.cost_usd + part.cost_usd,
    }),
    { calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 },
  );
}

/** What the decider made of one proposal. Authenticated with the decider's key: see `sealDecision`. */
export const Decision = z.object({
  run_id: RunId,
  owner: OwnerId,
  space_id: SpaceId,
  proposal_id: ProposalId,
  content_hash: Sha256.describe('Hash of the text and terms that were read'),
  preferences_version: Sha256.describe('Version of the preferences that it follows'),
  strategy_used: VotingStrategy,
  executable: z.boolean().describe('Whether the proposal carries an executable payload'),
  samples: z.array(Sample).min(1).describe('Every answer that was asked for'),
  signals: z.array(Signal).describe('Attempts to steer the reader that were found'),
  stakes: Stakes,
  inputs_hash: Sha256.describe('Hash of everything that went into the question'),
  evidence_hash: Sha256.describe('Names the full record behind this decision'),
  public_reason: z.string().max(5_000).describe('The reason that is published with the vote; may be empty'),
  usage: Usage.describe('What it cost, with the attempts before it that came to nothing'),
  decided_at: z.int().describe('When, Unix milliseconds'),
});
export type Decision = z.infer<typeof Decision>;

/** A decision and the code that proves that the decider made it. */
export const SealedDecision = z.object({
  decision: Decision.describe('The decision, exactly as the decider made it'),
  mac: Sha256.describe("HMAC-SHA-256 under the decider's key"),
});
export type SealedDecision = z.infer<typeof SealedDecision>;

/** What became of a vote after its run had ended. */
export const SettledLater = z
  .object({
    outcome: Outcome,
    detail: z.string().optional().describe('More than that, in words for the owner'),
    receipt: Receipt.optional().describe("The sequencer's receipt, where it is known"),
    at: z.iso.datetime().describe('When'),
  })
  .describe('What became of the vote after the run had ended, newest word; the outcome itself stays as it was');
export type SettledLater = z.infer<typeof SettledLater>;

/** A decision with its outcome, as the API gives it. */
export const VoteDecision = z.object({
  proposal_id: ProposalId,
  title: z.string().describe("The proposal's title"),
  ballot: Ballot.nullable().describe('What was decided; null where the answers agreed on nothing'),
  choice: z
    .union([z.number(), z.array(z.number()), z.record(z.string(), z.number())])
    .nullable()
    .describe("The ballot in Snapshot's encoding; null without a ballot"),
  confidence: Share.describe(
    'The smaller of agreement and the median confidence of the agreeing answers, a missing one counting as 0',
  ),
  agreement: Share.describe('Answers that agree with the ballot, of all that were asked for'),
  reasoning: z.string().describe('Why, for the owner'),
  key_factors: z
    .array(z.string())
    .describe('What spoke for and against, what is unknown, and why the risk is what it is'),
  risk_level: RiskLevel,
  stakes: Stakes,
  strategy_used: VotingStrategy,
  models: z.array(z.string()).describe('The models that answered'),
  evidence_hash: Sha256.describe('Names the full record behind this decision'),
  outcome: Outcome,
  receipt: Receipt.optional().describe("The sequencer's receipt, where a vote was cast"),
  settled_later: SettledLater.optional(),
  link: z.string().describe('Link to the proposal for people'),
});
export type VoteDecision = z.infer<typeof VoteDecision>;
