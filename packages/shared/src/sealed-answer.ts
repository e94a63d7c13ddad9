/**
 * The code by which the voter service knows that the gateway took an owner's answer to a hold, and that nobody altered it in
 * Redis since. Its key is one of its own: whoever can check an answer must not be able to make API keys (ADR 13).
 */
import { macIsGood, macOf } from './canonical.ts';
import type { HoldAnswer, SealedAnswer } from './hold.ts';

const PURPOSE = 'quorum hold answer v1';

/** Authenticates an answer with the key of answers. Throws a `TypeError` for text that is not well-formed. */
export function sealAnswer(answer: HoldAnswer, key: Buffer): SealedAnswer {
  return { answer, mac: macOf(PURPOSE, answer, key) };
}

/** Whether the answer is exactly what the gateway sealed. */
export function answerIsGood({ answer, mac }: SealedAnswer, key: Buffer): boolean {
  try {
    return macIsGood(PURPOSE, answer, key, mac);
  } catch (error) {
    // Text that is not well-formed has no canonical form: nobody sealed it.
    if (error instanceof TypeError) return false;
    throw error;
  }
}
