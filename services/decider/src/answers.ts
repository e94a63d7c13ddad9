/**
 * All that models said for one decision, and where it is kept: the same question of the same owner is not asked again. The answers are
 * in the evidence of the decision that they were made for; a pointer under the question's hash leads there, with the decider's code
 * over both hashes, and the evidence must be what its hash says. Redis is trusted with nothing: what does not fit is refused, and
 * asked anew.
 *
 * Only answers that made a decision are kept; stakes, signals and policy are computed anew from them. One owner has one run per space,
 * so that the same question comes twice at once only where a job is delivered twice: then both ask.
 */
import { createHash } from 'node:crypto';
import { macIsGood, macOf } from '@quorum/shared/canonical';
import { Sample } from '@quorum/shared/decision';
import type { OwnerId } from '@quorum/shared/ids';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import { unpack } from '@quorum/shared/pack';
import { keys, RETENTION_S } from '@quorum/shared/redis-keys';
import { tellSecurity } from '@quorum/shared/security-events';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Asked } from './ask.ts';
import { AskedQuestion, askedQuestion } from './asked-question.ts';
import type { SampleSeed } from './inputs.ts';
import { SecondReading } from './second-reading.ts';
import { WrittenReason } from './written-reason.ts';

const PURPOSE = 'quorum answers v1';
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** One sample, with all that its prompt is made again from. */
const AskedSample = AskedQuestion.extend({ sample: Sample });
export type AskedSample = z.infer<typeof AskedSample>;

/** All that models said for one decision. */
export const Answers = z.object({
  samples: z.array(AskedSample).min(1),
  second_reading: SecondReading.nullable().describe('Null where the proposal was not read a second time'),
  written_reason: WrittenReason.nullable().describe('Null where no model was asked for the public reason'),
  canary_echoed: z.boolean().describe('Whether a reply repeated the mark of its instructions; no reply is kept'),
});
export type Answers = z.infer<typeof Answers>;

/** All but the public reason, which waits for the ballot. */
export type Said = Omit<Answers, 'written_reason'>;

/** Answers that were kept, and the evidence of the decision that they were made for. */
export type KeptAnswers = { readonly answers: Answers; readonly evidenceHash: string };

/** What stands under the key of a question: where its answers are. */
const Pointer = z.object({ evidence_hash: Sha256, mac: z.string() });

/** A sample as evidence shows it. */
export function askedSample(asked: Asked, seed: SampleSeed): AskedSample {
  return { ...askedQuestion(asked, seed), sample: asked.sample };
}

export type AnswerBook = {
  /** What models said to this question of this owner before; null where nothing good is kept. */
  find(owner: OwnerId, inputsHash: string): Promise<KeptAnswers | null>;
  /** Notes in which evidence the answers to this question are. */
  keep(owner: OwnerId, inputsHash: string, evidenceHash: string): Promise<void>;
};

export type AnswerBookDeps = {
  readonly redis: Redis;
  /** The decider's own key. */
  readonly key: Buffer;
  readonly security: Metrics['security'];
  readonly log: Logger;
};

/** The kept answers on one Redis. */
export function createAnswerBook({ redis, key, security, log }: AnswerBookDeps): AnswerBook {
  return {
    async find(owner, inputsHash) {
      const text = await redis.get(keys.answers(owner, inputsHash));
      if (text === null) return null;
      const pointer = Pointer.safeParse(jsonOf(text));
      if (pointer.success) {
        const { evidence_hash: evidenceHash, mac } = pointer.data;
        const packed = await redis.getBuffer(keys.evidence(evidenceHash));
        // Forgotten, as evidence is in the end.
        if (packed === null) return null;
        const signed = { owner, inputs_hash: inputsHash, evidence_hash: evidenceHash };
        const answers = macIsGood(PURPOSE, signed, key, mac) ? await answersIn(packed, evidenceHash) : 'altered';
        if (answers !== 'altered') return answers === null ? null : { answers, evidenceHash };
      }
      tellSecurity({ metrics: { security }, log }, 'answers_refused', { owner, inputs_hash: inputsHash });
      return null;
    },

    async keep(owner, inputsHash, evidenceHash) {
      const mac = macOf(PURPOSE, { owner, inputs_hash: inputsHash, evidence_hash: evidenceHash }, key);
      const pointer = JSON.stringify({ evidence_hash: evidenceHash, mac });
      await redis.set(keys.answers(owner, inputsHash), pointer, 'EX', RETENTION_S.answers);
    },
  };
}

/** The answers in a stored evidence record; null where an earlier version of ours wrote less than is needed. */
async function answersIn(packed: Buffer, evidenceHash: string): Promise<Answers | null | 'altered'> {
  const text = await textOf(packed);
  if (text === null || createHash('sha256').update(text).digest('hex') !== evidenceHash) return 'altered';
  return Answers.safeParse(JSON.parse(text)).data ?? null;
}

async function textOf(packed: Buffer): Promise<string | null> {
  try {
    return await unpack(packed);
  } catch {
    return null; // not packed: nobody of us wrote it
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // nobody of us wrote it
  }
}
