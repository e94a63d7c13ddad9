/** Evidence as the decider keeps it: canonical JSON under its SHA-256. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { canonicalJson } from '../src/canonical.ts';
import type { OwnerId } from '../src/ids.ts';
import { createRecords } from '../src/records.ts';
import { aDecision, aHash } from './samples.ts';

/** Stores the evidence of a decision for this owner. Returns its name. */
export async function someEvidence(redis: Redis, owner: OwnerId): Promise<string> {
  const { samples: _listed, evidence_hash: _own, ...decision } = aDecision({ owner });
  const text = canonicalJson({ version: 1, salt: aHash(), decision, samples: [] });
  const hash = createHash('sha256').update(text).digest('hex');
  await createRecords(redis).putEvidence(hash, text);
  return hash;
}
