/** A process that seals one voter's records, over and over, until it is killed. Says that it is ready when it begins. */
import { createAuditChain } from '@quorum/shared/audit-chain';
import { createMetrics } from '@quorum/shared/metrics';
import { connectPatient } from '@quorum/shared/redis';
import { Address } from '@quorum/snapshot/proposal';
import { quiet } from '../../../packages/shared/test/samples.ts';
import { createSealer } from '../src/seal.ts';

const [url = '', voter = '', key = ''] = process.argv.slice(2);
const redis = connectPatient(url, quiet);
const seal = createSealer([Address.parse(voter)], {
  auditChain: createAuditChain(redis),
  voterKey: Buffer.from(key, 'hex'),
  oldVoterKeys: [],
  metrics: createMetrics('voter'),
  log: quiet,
  now: Date.now,
});
process.once('disconnect', () => process.exit(0));
process.send?.({ ready: true, url });
for (;;) {
  // A Redis that was killed takes the command that was under way with it: the next round asks again.
  await seal(new AbortController().signal).catch(() => undefined);
}
