/** The whole product on a Redis cluster of three masters: it runs, all that it keeps is on one of them, and that one may die. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRedisCluster, type TestCluster } from '../redis-cluster.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, SURE, WANTED } from './world.ts';

const MINUTE_MS = 60_000;
const SPACES = Array.from({ length: 9 }, (_, at) => `cluster-${at}.eth`);
const [FIRST = '', SECOND = '', ...OTHERS] = SPACES;
const PROPOSALS = 3;

describe('on a cluster', () => {
  let cluster: TestCluster;
  let stack: Stack;
  beforeAll(async () => {
    cluster = await startRedisCluster();
    stack = await startStack({
      world: openWorld({ spaces: SPACES, types: ['basic', 'single-choice', 'approval'] }),
      space: FIRST,
      moreSpaces: SPACES.slice(1),
      preferences: EVERYTHING,
      env: { ...SURE, JOB_LOCK_S: '5' },
      redisServer: {
        url: cluster.url,
        stop: cluster.stop,
        kill9: () => cluster.kill9(cluster.owner),
        restart: () => Promise.reject(new Error('A node that was killed stays away')),
      },
    });
    await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
  }, 2 * MINUTE_MS);
  afterAll(() => stack.stop());

  test('a dry run and a live one end well, and every key is under one hash tag, on one node', async () => {
    const dry = await stack.run({ space_id: FIRST, dry_run: true });
    expect(dry.decisions.map(({ outcome }) => outcome.kind)).toEqual(Array(PROPOSALS).fill('simulated'));
    const live = await stack.run({ space_id: SECOND });
    expect(live.votes_cast.length).toBe(PROPOSALS);
    for (const { port, redis } of cluster.masters) {
      const keys = await redis.keys('*');
      expect(keys.filter((key) => !key.startsWith('{quorum}:'))).toEqual([]);
      expect(keys.length > 0).toBe(port === cluster.owner.port);
    }
  });

  test(
    'the node that has all keys is killed in the middle of live runs: no run is lost, and nothing is voted on twice',
    { timeout: 5 * MINUTE_MS },
    async () => {
      const before = stack.sandbox.world.votes.length;
      const accepted = await Promise.all(OTHERS.map((space_id) => stack.post({ space_id })));
      await until('the first of their votes', async () => stack.sandbox.world.votes.length > before);
      await cluster.kill9(cluster.owner);
      const results = await Promise.all(accepted.map(({ run_id }) => stack.finished(run_id)));

      expect(results.map(({ status }) => status)).toEqual(OTHERS.map(() => 'completed'));
      const cast = results.flatMap(({ votes_cast: votes }) => votes.map(({ proposal_id: id }) => id));
      expect(cast.length).toBe(OTHERS.length * PROPOSALS);
      const voted = stack.sandbox.world.votes.slice(before).map(({ proposal }) => proposal);
      expect(voted.toSorted()).toEqual(cast.toSorted());
      // One row could still be the last of several votes: every message that was taken must be another proposal's.
      const messages = stack.sandbox.world.messages.filter(({ type }) => type !== 'alias');
      expect(messages.length).toBe(stack.sandbox.world.votes.length);
      const info = await cluster.replica.redis.info('replication');
      expect(info).toContain('role:master');
    },
  );
});
