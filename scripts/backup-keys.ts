/**
 * The keys that a backup does not have. Records carry codes under them, so a backup is worth as much as the keys that are kept
 * elsewhere: it has a fingerprint of each, and a restore says which are not the ones that were there.
 */
import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { readKeyFile } from '@quorum/shared/secret-file';
import type { Operator } from './operator.ts';
import { SECRETS } from './secrets.ts';

const PURPOSE = 'quorum backup fingerprint v1';

/** What becomes of restored records where a key is another one. */
const WITHOUT = {
  [SECRETS.voterMacKey]:
    'the audit chain cannot be gone on with, nothing is voted, and our own votes are not known as ours',
  [SECRETS.deciderMacKey]: 'decisions that wait for their vote are refused, and answers of models are asked for anew',
  [SECRETS.holdMacKey]: 'answers to holds whose vote is not cast yet are refused',
  [SECRETS.preferencesMacKey]: 'preferences that are kept in Redis are refused until they are saved anew',
  [SECRETS.gatewayMacKey]: 'API keys are worth nothing, and nothing is sent to webhooks',
} as const;

/** Of each key that is here and can be read. Keys are 256 random bits, so nothing leads from a fingerprint to its key. */
export function fingerprintsOf({ secrets }: Pick<Operator, 'secrets'>): Record<string, string> {
  const entries = Object.keys(WITHOUT).flatMap((name): [string, string][] => {
    const file = path.join(secrets, name);
    if (!existsSync(file)) return [];
    return [[name, createHmac('sha256', readKeyFile(file)).update(PURPOSE).digest('hex')]];
  });
  return Object.fromEntries(entries);
}

/** In words, for each key that was there when the backup was made and is another one, or away, now. */
export function keyWarnings(then: Readonly<Record<string, string>>, operator: Operator): string[] {
  const now = fingerprintsOf(operator);
  return Object.entries(WITHOUT).flatMap(([name, consequence]) => {
    if (then[name] === undefined || then[name] === now[name]) return [];
    const what = now[name] === undefined ? 'is not here' : 'is not the one that was there';
    return [`${path.join(operator.secrets, name)} ${what}: ${consequence}. Put it back from where you keep it.`];
  });
}
