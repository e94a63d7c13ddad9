/**
 * Step 8: the record of everything behind a decision, in canonical JSON. Its SHA-256 names it and is published with the vote; the
 * salt keeps anyone from guessing the content from the name. Proposal and preferences stand in it by hash, and prompts by version
 * and seed: with those each prompt can be made again word for word. The text is kept under its hash, and the preferences of that
 * version in the record of the run, no shorter than the evidence; its archive has both (`archive.ts`).
 */
import { createHash, randomBytes } from 'node:crypto';
import { canonicalJson } from '@quorum/shared/canonical';
import type { Decision } from '@quorum/shared/decision';
import type { Judgement } from '@quorum/shared/policy';
import type { Answers } from './answers.ts';
import type { Cleaned } from './clean.ts';
import type { QuestionInputs } from './inputs.ts';
import type { StakesGround } from './stakes.ts';

export type EvidenceInput = {
  readonly decision: Omit<Decision, 'evidence_hash'>;
  readonly inputs: QuestionInputs;
  readonly cleaned: Pick<Cleaned, 'cut' | 'removed'>;
  readonly answers: Answers;
  /** The evidence of the decision for which the models were asked, all of them or before some were reached; null: for this one. */
  readonly reusedFrom: string | null;
  readonly stakesGrounds: readonly StakesGround[];
  readonly judgement: Extract<Judgement, { kind: 'judged' }>;
};

export type Evidence = { readonly hash: string; readonly text: string };

const SALT_BYTES = 16;

/** Writes the record and names it. Two records of the same decision differ by their salt. */
export function writeEvidence(input: EvidenceInput): Evidence {
  const { decision, inputs, cleaned, answers, reusedFrom, stakesGrounds, judgement } = input;
  const { samples: _listedBelow, ...decided } = decision;
  const { instructions: _byVersion, ...preferences } = inputs.preferences;
  const text = canonicalJson({
    version: 1,
    salt: randomBytes(SALT_BYTES).toString('hex'),
    decision: decided,
    inputs: { ...inputs, preferences: { ...preferences, version: decision.preferences_version } },
    cleaning: {
      cut_chars: cleaned.cut,
      tags: cleaned.removed.tags,
      images: cleaned.removed.images,
      invisible_chars: cleaned.removed.invisible,
      hidden_texts: cleaned.removed.hidden.length,
    },
    ...answers,
    reused_from: reusedFrom,
    stakes_grounds: stakesGrounds,
    judgement: { aggregate: judgement.aggregate, verdict: judgement.verdict },
  });
  return { hash: createHash('sha256').update(text).digest('hex'), text };
}
