/** The audit chains: whether the voter service can go on with each, what the newest part of it says, and whether it is sealed in time. */
import { createAuditChain, ForgedHeadError } from '@quorum/shared/audit-chain';
import { QuorumError } from '@quorum/shared/errors';
import type { SignerEntry } from '@quorum/voter/signer-entry';
import type { Redis } from 'ioredis';
import type { Address } from '@quorum/snapshot/proposal';
import { voterKeys } from '../keys-chain.ts';
import { broken, fine, warning, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

const MINUTE_MS = 60 * 1_000;
/** They are sealed once a minute. */
const LATE_MS = 5 * MINUTE_MS;

/** One finding for each voter of signers.json. */
export async function checkAudit(
  { operator }: Patient,
  entries: readonly SignerEntry[],
  redis: Redis,
): Promise<readonly Finding[]> {
  const keys = readKeys(operator);
  // What is wrong with the key is a finding of the secrets.
  if (keys === null || keys.length === 0) return [];
  return Promise.all(entries.map(({ owner, voter }) => auditFinding(`audit of ${owner}`, voter, keys, redis)));
}

function readKeys(operator: Patient['operator']): Buffer[] | null {
  try {
    return voterKeys(operator);
  } catch (error) {
    if (error instanceof QuorumError) return null;
    throw error;
  }
}

async function auditFinding(check: string, voter: Address, keys: readonly Buffer[], redis: Redis): Promise<Finding> {
  const chain = createAuditChain(redis);
  try {
    const { seq } = await chain.head(voter, keys);
    const [oldest] = await chain.unsealed(voter);
    const waitsMs = oldest === undefined ? 0 : Date.now() - Number(oldest.id.split('-')[0]);
    if (waitsMs > LATE_MS) {
      const says = `its records have not been sealed for ${Math.round(waitsMs / MINUTE_MS)} minutes`;
      return warning(check, says, 'Start the voter service, or look at its log.');
    }
    return fine(
      check,
      seq === 0 ? 'nothing is sealed yet' : `${seq} records, the last one sealed by this voter service`,
    );
  } catch (error) {
    if (!(error instanceof ForgedHeadError)) throw error;
    return broken(
      check,
      'the last record of its chain was altered, or sealed with a key that is not here: nothing is voted',
      'Put the key back, or end the chain: docs/operations/audit.md',
    );
  }
}
