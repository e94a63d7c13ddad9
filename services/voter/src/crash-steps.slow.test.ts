/**
 * Killed with -9 at every step between `reserve` and the end of the job. Each step there is a command to Redis (what lies between
 * two of them, signing included, happens between the end of one and the beginning of the next): the process is held before the
 * command is carried out, or after that and before it hears so, and is killed there. The steps that speak to hub and sequencer are
 * in crash.slow.test.ts.
 */
import { loadScript } from '@quorum/shared/script';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { verdictOn } from '../test/audit.ts';
import { enqueue, returned } from '../test/enqueue.ts';
import { startRedisProxy, type RedisProxy } from '../test/redis-proxy.ts';
import { until, useStand } from '../test/stand.ts';
import { settingsFor, startVoterProcess } from '../test/voter-process.ts';

const stand = useStand({ appendonly: true });
const closers: (() => Promise<unknown>)[] = [];
let proxy: RedisProxy;
beforeAll(async () => {
  proxy = await startRedisProxy(stand.server().url);
  // Redis knows the scripts from here on: each step is one command.
  await (await stand.aVote()).vote();
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});
afterAll(() => proxy.close());

const script = (name: string) => {
  const { sha } = loadScript(name);
  return (text: string): boolean => text.includes(sha);
};
const taking = (text: string): boolean => script('take-send')(text) && text.endsWith('$1\r\n1\r\n');
const completing = (text: string): boolean => text.includes(':vote:completed') && text.includes('{"kind":"cast"}');

/** What stands of the vote when the process is dead, in the order in which it comes about. */
const NOTHING = { state: null, sends: 0, arrived: 0, receipt: false, outcome: false };
const RESERVED = { ...NOTHING, state: 'reserved' };
const SENDING = { ...RESERVED, sends: 1 };
const SENT = { ...SENDING, arrived: 1 };
const ACCEPTED = { ...SENT, receipt: true };
const CAST = { ...ACCEPTED, state: 'cast' };
const SETTLED = { ...CAST, outcome: true };

test.each(
  [
    { step: 'reserve', is: script('reserve'), before: NOTHING, after: RESERVED },
    { step: 'the allowance', is: taking, before: RESERVED, after: RESERVED },
    { step: 'leave to send', is: script('may-send'), before: RESERVED, after: SENDING },
    { step: 'keeping the receipt', is: script('keep-receipt'), before: SENT, after: ACCEPTED },
    { step: 'confirm', is: script('confirm'), before: ACCEPTED, after: CAST },
    { step: 'the outcome', is: script('settle'), before: CAST, after: SETTLED },
    { step: 'completing the job', is: completing, before: SETTLED, after: SETTLED },
  ].flatMap(({ before, after, ...step }) => [
    { ...step, when: 'before' as const, stands: before },
    { ...step, when: 'after' as const, stands: after },
  ]),
)('kill -9 $when $step and a restart: one vote, outcome cast', async ({ is, when, stands }) => {
  const vote = await stand.aVote();
  const env = { ...(await settingsFor(stand, [{ ...vote, spaces: [vote.space] }])), REDIS_URL: proxy.url };
  const first = await startVoterProcess(stand, env);
  closers.push(() => first.stop());
  const reached = proxy.hold({ is, when });
  await enqueue(stand, vote);
  await reached;
  const found = async () => {
    const [entry, record] = [await vote.ledger(), await vote.record()];
    return {
      state: entry?.state ?? null,
      sends: entry?.sends ?? 0,
      arrived: vote.sends().length,
      receipt: entry?.receipt !== undefined,
      outcome: record !== undefined,
    };
  };
  await expect.poll(found).toEqual(stands);
  first.kill();
  expect(await first.ended).toBe('SIGKILL');
  expect(await found()).toEqual(stands);

  const second = await startVoterProcess(stand, env);
  closers.push(() => second.stop());
  expect(await returned(stand, vote)).toEqual({ kind: 'cast' });
  expect((await vote.record())?.outcome).toEqual({ kind: 'cast' });
  const { votes, messages } = stand.sandbox().world;
  const stored = votes.filter(({ proposal }) => proposal === vote.proposal.id);
  expect(stored).toMatchObject([{ voter: vote.voter, choice: 1 }]);
  expect(messages.filter(({ id }) => id === stored[0]?.id)).toHaveLength(1);
  expect(new Set(vote.sends().map((body) => JSON.stringify(body))).size, 'the same bytes each time').toBe(1);
  const known = { keys: [vote.deps.voterKey], votes: [await vote.hubVote()].filter((row) => row !== null) };
  const verdict = () => verdictOn(stand.redis(), vote.voter, known);
  await until('its records to be sealed', async () => (await verdict()).votes.cast === 1);
  expect(await verdict()).toMatchObject({ votes: { cast: 1, voided: 0, open: 0 }, faults: [] });
});
