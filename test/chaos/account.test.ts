/** What the account of a round counts as left over, of a Redis in the state in which the product leaves it. */
import { keys } from '@quorum/shared/redis-keys';
import { expect, test } from 'vitest';
import { aRunningRun, useRedis, vote } from '../../packages/shared/test/world.ts';
import { leftovers } from './account.ts';

const { redis } = useRedis();

test('a vote that is reserved and was never sent is left over; one that was sent, or voided, is not', async () => {
  const left = async () => (await leftovers({ redis: redis() })).filter((what) => what.includes(':ledger:'));
  const [never, sent, voided] = [await aRunningRun(redis()), await aRunningRun(redis()), await aRunningRun(redis())];
  for (const one of [never, sent, voided]) expect(await one.transitions.reserve(vote(one))).toBe('reserved');
  expect(await sent.transitions.maySend(vote(sent))).toBe('yes');
  expect(await voided.transitions.confirm(vote(voided), { state: 'voided', why: 'refused' })).toBe('voided');
  const { voter, space, proposal } = never;
  expect(await left()).toEqual([`${keys.ledger(voter, space, proposal)} is reserved and was never sent`]);
});
