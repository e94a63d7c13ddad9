/**
 * A key of the voter service that is gone, while Redis has an audit chain that it sealed. With a new one nothing is voted until that
 * chain is ended by hand, and the votes of before count as their owners' own: that is for somebody to say, not for a start.
 */
import path from 'node:path';
import { createAuditChain, ForgedHeadError } from '@quorum/shared/audit-chain';
import { PREFIXES } from '@quorum/shared/redis-keys';
import { Address } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { voterKeys } from './keys-chain.ts';
import { SECRETS } from './secrets.ts';
import { SettingsError } from './start-settings.ts';

/** Throws a `SettingsError` where a chain in Redis was sealed with a key that is not in this folder of secrets. */
export async function refuseLostKey(secrets: string, redis: Redis): Promise<void> {
  const known = voterKeys({ secrets });
  const chain = createAuditChain(redis);
  for (const name of await redis.keys(`${PREFIXES.auditChains}*`)) {
    const voter = Address.safeParse(name.slice(PREFIXES.auditChains.length));
    if (!voter.success) continue;
    try {
      await chain.head(voter.data, known);
    } catch (error) {
      if (!(error instanceof ForgedHeadError)) throw error;
      throw new SettingsError(
        `${path.join(secrets, SECRETS.voterMacKey)} is missing, and Redis has the audit chain of ${voter.data}, which was sealed with it.\n` +
          '→ Put it back from where you keep it.\n' +
          '→ Only if it is lost for good: npm run setup makes a new one; then end the chain (docs/operations/audit.md).',
      );
    }
  }
}
