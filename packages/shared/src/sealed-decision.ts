/**
 * The code by which the voter service knows that the decider made a decision, and that nobody altered it in Redis since.
 */
import { macIsGood, macOf } from './canonical.ts';
import type { Decision, SealedDecision } from './decision.ts';

const PURPOSE = 'quorum decision v1';

/** Authenticates a decision with the decider's key. */
export function sealDecision(decision: Decision, key: Buffer): SealedDecision {
  return { decision, mac: macOf(PURPOSE, decision, key) };
}

/** Whether the decision is exactly what the decider sealed. */
export function sealIsGood(sealed: SealedDecision, key: Buffer): boolean {
  return macIsGood(PURPOSE, sealed.decision, key, sealed.mac);
}
