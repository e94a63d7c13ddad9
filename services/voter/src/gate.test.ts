/** A hub that asks for fewer requests is not asked by the voter service either, whoever was told so; no vote is lost for it. */
import { upstreamId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { PostponeError } from '@quorum/shared/run-worker';
import { createGate } from '@quorum/shared/upstream-gate';
import { SnapshotError } from '@quorum/snapshot/errors';
import { createHub } from '@quorum/snapshot/hub';
import { expect, test } from 'vitest';
import { useStand } from '../test/stand.ts';

const stand = useStand();

test('a vote waits until the gate opens, asks nothing and sends nothing, and is cast once after it', async () => {
  const vote = await stand.aVote();
  const url = `${stand.sandbox().url}/graphql`;
  const upstream = upstreamId(url, undefined);
  const gate = createGate(stand.redis(), upstream, 'hub');
  const hub = createHub({ url, timeoutMs: 5_000, around: gate.pass });
  const slowDown = new SnapshotError({ kind: 'rate_limited', upstream: 'hub', description: '', retryAfterS: 30 });
  // A fetcher was told so.
  await expect(gate.pass(() => Promise.reject(slowDown))).rejects.toMatchObject({ category: 'rate_limited' });

  const asked = stand.sandbox().world.received.length;
  const put: unknown = await vote.deliver({ hub }).catch((error: unknown) => error);
  expect.assert(put instanceof PostponeError);
  expect(put.delayMs).toBeGreaterThan(10_000);
  expect(put.delayMs).toBeLessThanOrEqual(31_000);
  expect(stand.sandbox().world.received.length).toBe(asked);
  expect(await vote.record()).toBeUndefined();

  await stand.redis().del(keys.gate(upstream));
  expect(await vote.deliver({ hub })).toEqual({ kind: 'cast' });
  expect(vote.sends()).toHaveLength(1);
});

test('a gate that is shut after a vote was sent delays its reading back, and it is not sent again', async () => {
  const vote = await stand.aVote();
  const url = `${stand.sandbox().url}/graphql`;
  const upstream = upstreamId(url, 'another key');
  const hub = createHub({ url, timeoutMs: 5_000, around: createGate(stand.redis(), upstream, 'hub').pass });
  const { sequencer } = vote.deps;
  const shutting: typeof sequencer = {
    ...sequencer,
    async submit(...given) {
      const result = await sequencer.submit(...given);
      await stand.fault({ endpoint: 'hub', count: 1, status: 429, headers: { 'retry-after': '20' }, body: '' });
      return result;
    },
  };
  await expect(vote.deliver({ hub, sequencer: shutting })).rejects.toBeInstanceOf(PostponeError);
  await stand.redis().del(keys.gate(upstream));
  expect(await vote.deliver({ hub })).toEqual({ kind: 'cast' });
  expect(vote.sends()).toHaveLength(1);
});
