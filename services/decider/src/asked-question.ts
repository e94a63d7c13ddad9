/** A question that was put to a model, as evidence shows it: with all that its prompt is made again from. */
import { Usage } from '@quorum/shared/decision';
import { z } from 'zod';
import { Try, type Told } from './ask.ts';
import type { SampleSeed } from './inputs.ts';

export const AskedQuestion = z.object({
  nonce: z.string().describe('Marks the fence of the proposal'),
  order: z.array(z.int()).describe("The choices' indices, from 1, in the order in which they were shown"),
  answered_by: z.string().nullable().describe('The model that the endpoint named, of the last call'),
  repaired: z.string().nullable().describe('What the last model was told did not fit'),
  tries: z.array(Try).describe('Every call that was made for it'),
  usage: Usage,
  retry_after_s: z.number().nullable().describe('Seconds of a pause that a model asked for, where it gave no answer'),
});
export type AskedQuestion = z.infer<typeof AskedQuestion>;

/** The record of a question with this seed. */
export function askedQuestion(told: Omit<Told<unknown>, 'result' | 'standIn'>, seed: SampleSeed): AskedQuestion {
  return {
    nonce: seed.nonce,
    order: [...seed.order],
    answered_by: told.answeredBy,
    repaired: told.repaired,
    tries: [...told.tries],
    usage: told.usage,
    retry_after_s: told.retryAfterS,
  };
}
