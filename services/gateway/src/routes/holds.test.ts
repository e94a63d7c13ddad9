/** Holds over HTTP: what the owner sees, what they may say, and what each wrong answer is told. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKeys } from '@quorum/shared/api-keys';
import { HoldsView, HoldView } from '@quorum/shared/hold-view';
import { OwnerId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { connectPatient } from '@quorum/shared/redis';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { AgentRunView } from '@quorum/shared/run';
import { answerIsGood } from '@quorum/shared/sealed-answer';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aHold, MINUTE_MS, type HoldCase } from '../../../../packages/shared/test/holds.ts';
import { ballotFor, filterMetrics, LABELS, preferences, sharesOf } from '../../../../packages/shared/test/samples.ts';
import { startTestRedis, type TestRedis } from '../../../../test/redis.ts';
import { ask, log, openGateway, openLine, type Answer, type Gateway } from '../../test/stand.ts';

const OWNER = OwnerId.parse('owner');
const BOB = OwnerId.parse('bob');
const CAROL = OwnerId.parse('carol');
const HOLD_KEY = randomBytes(32);

let server: TestRedis;
let redis: Redis;
let folder: string;
let env: Record<string, string>;
let gateway: Gateway;
let second: Gateway;
let texts: Record<'bob' | 'carol' | 'admin', string>;

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectPatient(server.url, log);
  folder = await mkdtemp(join(tmpdir(), 'quorum-holds-'));
  const [HOLD_MAC_KEY_FILE, GATEWAY_MAC_KEY_FILE] = [join(folder, 'hold.key'), join(folder, 'mac.key')];
  const macKey = randomBytes(32);
  await writeFile(HOLD_MAC_KEY_FILE, HOLD_KEY.toString('hex'), { mode: 0o600 });
  await writeFile(GATEWAY_MAC_KEY_FILE, macKey.toString('hex'), { mode: 0o600 });
  env = { HOLD_MAC_KEY_FILE, GATEWAY_MAC_KEY_FILE };
  [gateway, second] = [await openGateway(server.url, env), await openGateway(server.url, env)];
  const apiKeys = createApiKeys(redis, macKey);
  const make = async (owner: OwnerId, role: 'user' | 'admin'): Promise<string> =>
    (await apiKeys.create({ owner, role, name: '', nowMs: Date.now() })).text;
  texts = {
    bob: await make(BOB, 'user'),
    carol: await make(CAROL, 'user'),
    admin: await make(OwnerId.parse('root'), 'admin'),
  };
});
afterAll(async () => {
  await Promise.all([gateway.stop(), second.stop()]);
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true });
});

const bearer = (who: keyof typeof texts): Record<string, string> => ({ authorization: `Bearer ${texts[who]}` });
const mine = (given: Parameters<typeof aHold>[1] = {}): Promise<HoldCase> => aHold(redis, { owner: OWNER, ...given });
const idOf = ({ subject }: HoldCase): string => subject.hold_id;
function say(hold: HoldCase, body: unknown, to = gateway, headers: Record<string, string> = {}): Promise<Answer> {
  return ask(`${to.url}/holds/${idOf(hold)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}
async function list(query = '', headers: Record<string, string> = {}): Promise<HoldView[]> {
  return HoldsView.parse((await ask(`${gateway.url}/holds${query}`, { headers })).json).holds;
}
const jobOf = (hold: HoldCase): Promise<number> => redis.exists(`${BULL_PREFIX}:vote:cast-hold-${idOf(hold)}`);

describe('GET /holds', () => {
  test('gives them page by page', async () => {
    const holds = [];
    for (const minute of [1, 2, 3]) {
      holds.push(await mine({ owner: CAROL, subject: { deadline: Date.now() + minute * MINUTE_MS } }));
    }
    const page = async (query: string) =>
      HoldsView.parse((await ask(`${gateway.url}/holds?limit=2${query}`, { headers: bearer('carol') })).json);
    const first = await page('');
    const rest = await page(`&cursor=${first.next}`);
    expect([first, rest].map((one) => one.holds.map(({ hold_id: id }) => id))).toEqual([
      holds.slice(0, 2).map(idOf),
      holds.slice(2).map(idOf),
    ]);
    expect(rest.next).toBeNull();
    const ofRuns = '1~0198b2a5-0000-7000-8000-000000000000';
    for (const query of ['limit=0', 'limit=101', 'cursor=nonsense', `cursor=${ofRuns}`, 'page=2']) {
      expect((await ask(`${gateway.url}/holds?${query}`)).status, query).toBe(400);
    }
  });

  test('gives what waits first, the first deadline first, and what has ended after it', async () => {
    const [late, early, done] = [
      await mine({ owner: BOB, subject: { deadline: Date.now() + 9 * MINUTE_MS } }),
      await mine({ owner: BOB, subject: { deadline: Date.now() + 5 * MINUTE_MS } }),
      await mine({ owner: BOB, subject: { deadline: Date.now() + 7 * MINUTE_MS } }),
    ];
    await say(done, { answer: 'reject' }, gateway, bearer('bob'));
    const ids = [early, late, done].map(idOf);
    expect((await list('', bearer('bob'))).map(({ hold_id: id }) => id)).toEqual(ids);
    expect((await list('?state=rejected', bearer('bob'))).map(({ hold_id: id }) => id)).toEqual([idOf(done)]);
    expect((await ask(`${gateway.url}/holds?state=lost`)).status).toBe(400);
  });

  test('gives an owner their own, and an admin those of all', async () => {
    const hold = await mine();
    const has = (views: readonly HoldView[]): boolean => views.some(({ hold_id: id }) => id === idOf(hold));
    expect([await list(), await list('', bearer('bob')), await list('', bearer('admin'))].map(has)).toEqual([
      true,
      false,
      true,
    ]);
  });

  test('shows one whose deadline has passed as expired, though nobody ended it yet', async () => {
    const hold = await mine({ nowMs: Date.now() - 61 * MINUTE_MS });
    const { json } = await ask(`${gateway.url}/holds/${idOf(hold)}`);
    expect(HoldView.parse(json)).toMatchObject({
      state: 'expired',
      question: 'the confidence is below your threshold',
    });
  });
});

describe('an answer', () => {
  test('yes is sealed, recorded and enqueued; the same again is the same', async () => {
    const hold = await mine();
    const first = await say(hold, { answer: 'approve' });
    expect(first.status).toBe(200);
    expect(HoldView.parse(first.json)).toMatchObject({
      state: 'approved',
      answer: { answer: 'approve', ballot: ballotFor(1), ballot_from: 'decision', by: 'anonymous' },
    });
    const { answer: sealed } = await hold.read();
    expect(sealed !== null && answerIsGood(sealed, HOLD_KEY)).toBe(true);
    expect(sealed?.answer).toMatchObject({ owner: OWNER, content_hash: hold.subject.content_hash });
    expect(await jobOf(hold)).toBe(1);
    const again = await say(hold, { answer: 'approve' });
    expect([again.status, again.json]).toEqual([200, first.json]);
  });

  test('yes that missed the queue is enqueued by the same request again', async () => {
    const line = await openLine(server.url);
    const cut = await openGateway(line.url, env);
    const hold = await mine();
    line.cutAt(`cast-hold-${idOf(hold)}`);
    expect((await say(hold, { answer: 'approve' }, cut)).status).toBe(503);
    expect([(await hold.read()).state, await jobOf(hold)]).toEqual(['approved', 0]);
    expect((await say(hold, { answer: 'approve' })).status).toBe(200);
    expect(await jobOf(hold)).toBe(1);
    await cut.stop();
    await line.close();
  });

  test('no makes no vote; the same again is the same, and yes comes too late', async () => {
    const hold = await mine();
    const [first, again] = [await say(hold, { answer: 'reject' }), await say(hold, { answer: 'reject' })];
    expect([first.status, HoldView.parse(first.json).state]).toEqual([200, 'rejected']);
    expect([again.status, again.json]).toEqual([200, first.json]);
    const { status, json } = await say(hold, { answer: 'approve' });
    expect(status).toBe(409);
    expect(json).toMatchObject({ type: '/problems/hold-answered', hold: { state: 'rejected' } });
    expect(await jobOf(hold)).toBe(0);
  });

  test('yes with another ballot is the owner’s own; with the one that was decided it is not', async () => {
    const [own, same] = [await mine(), await mine()];
    expect((await say(own, { answer: 'approve', choice: 2 })).json).toMatchObject({
      answer: { ballot: ballotFor(2), ballot_from: 'owner' },
    });
    expect((await say(same, { answer: 'approve', choice: 1 })).json).toMatchObject({
      answer: { ballot: ballotFor(1), ballot_from: 'decision' },
    });
    expect((await say(own, { answer: 'approve', choice: 3 })).status).toBe(409);
    expect((await say(own, { answer: 'approve' })).status).toBe(409);
  });

  const ranking = LABELS.map((_, at) => LABELS.length - at);
  test.each([
    ['approval', [3, 1], { kind: 'approval' }],
    ['ranked-choice', ranking, { kind: 'ranking' }],
    ['copeland', ranking, { kind: 'ranking' }],
    ['weighted', { '1': 2, '2': 1 }, sharesOf(2, 1)],
    ['quadratic', { '1': 2, '2': 1 }, sharesOf(2, 1)],
    ['single-choice', 5, ballotFor(5)],
    ['basic', 2, ballotFor(2)],
  ] as const)('takes a choice of a %s proposal', async (voting_type, choice, ballot) => {
    const hold = await mine({ subject: { voting_type } });
    expect((await say(hold, { answer: 'approve', choice })).json).toMatchObject({ answer: { ballot } });
  });

  test.each([
    ['single-choice', 0],
    ['single-choice', 6],
    ['single-choice', 1.5],
    ['single-choice', [1]],
    ['approval', []],
    ['approval', [1, 1]],
    ['ranked-choice', [1, 2]],
    ['weighted', {}],
    ['weighted', { '1': -1 }],
    ['weighted', { first: 1 }],
  ] as const)('refuses for a %s proposal the choice %j', async (voting_type, choice) => {
    const hold = await mine({ subject: { voting_type } });
    const { status, json } = await say(hold, { answer: 'approve', choice });
    expect(status).toBe(400);
    expect(json).toMatchObject({ type: '/problems/validation', errors: [{ path: 'choice' }] });
    expect((await hold.read()).state).toBe('waiting');
  });

  test('needs a choice where nothing was decided', async () => {
    const hold = await mine({ why: 'disagreement', subject: { ballot: null } });
    const { status, json } = await say(hold, { answer: 'approve' });
    expect([status, (await hold.read()).state]).toEqual([422, 'waiting']);
    expect(json).toMatchObject({ type: '/problems/choice-needed' });
    expect((await say(hold, { answer: 'approve', choice: 2 })).status).toBe(200);
    expect((await say(hold, { answer: 'approve' })).status).toBe(409);
  });

  test('after the deadline is told so, before and after the hold was ended', async () => {
    const hold = await mine({ nowMs: Date.now() - 61 * MINUTE_MS });
    const before = await say(hold, { answer: 'approve' });
    await hold.transitions.answerHold(hold, { kind: 'expire' }, Date.now());
    const after = await say(hold, { answer: 'reject' });
    for (const { status, json } of [before, after]) {
      expect(status).toBe(410);
      expect(json).toMatchObject({ type: '/problems/hold-expired', hold: { state: 'expired' } });
    }
  });

  test('to what was voted meanwhile is told what stands', async () => {
    const hold = await mine();
    await hold.transitions.settleHold(
      hold,
      'skipped',
      { outcome: { kind: 'skipped', why: 'proposal_changed' }, settled_at: 1 },
      1,
    );
    const { status, json } = await say(hold, { answer: 'approve' });
    expect(status).toBe(409);
    expect(json).toMatchObject({ hold: { state: 'skipped', outcome: { why: 'proposal_changed' } } });
  });

  test('of a kind that there is not, or no with a choice, does not fit', async () => {
    const hold = await mine();
    for (const body of [{ answer: 'perhaps' }, { answer: 'reject', choice: 1 }, { answer: 'approve', ballot: 1 }, {}]) {
      expect((await say(hold, body)).status).toBe(400);
    }
    expect((await hold.read()).state).toBe('waiting');
  });

  test('to a hold of another owner is 404, as to none; an admin sees it and may not answer', async () => {
    const hold = await mine();
    expect((await say(hold, { answer: 'approve' }, gateway, bearer('bob'))).status).toBe(404);
    const admin = await say(hold, { answer: 'approve' }, gateway, bearer('admin'));
    expect(admin.json).toMatchObject({ type: '/problems/not-your-hold', status: 403 });
    expect((await ask(`${gateway.url}/holds/nothing`)).status).toBe(404);
    expect((await hold.read()).state).toBe('waiting');
  });

  test('cannot be given to a gateway without a key for it', async () => {
    const bare = await openGateway(server.url);
    const hold = await mine();
    const { status, json } = await say(hold, { answer: 'approve' }, bare);
    expect([status, json]).toMatchObject([503, { type: '/problems/answers-not-set-up' }]);
    expect((await hold.read()).state).toBe('waiting');
    await bare.stop();
  });
});

test('yes and no at once from two gateways: one of them stands, and every answer says which', async () => {
  for (let round = 0; round < 5; round += 1) {
    const hold = await mine();
    const answers = await Promise.all([
      say(hold, { answer: 'approve' }),
      say(hold, { answer: 'reject' }, second),
      say(hold, { answer: 'approve' }, second),
      say(hold, { answer: 'reject' }),
    ]);
    const { state } = await hold.read();
    const yes = state === 'approved';
    expect(answers.map(({ status }) => status)).toEqual(yes ? [200, 409, 200, 409] : [409, 200, 409, 200]);
    expect(await jobOf(hold)).toBe(yes ? 1 : 0);
  }
});

test('GET /agent-run/:id shows what was answered later; the outcome stays', async () => {
  const hold = await mine();
  const { proposal_id, content_hash, title, link, end } = hold.subject;
  await createRecords(redis).open(hold.runId, {
    preferences: preferences(),
    preferences_version: 'v',
    preferences_applied: true,
    dry_run: false,
    voter: hold.voter,
    errors: [],
    filter_metrics: filterMetrics(),
    selected: [{ proposal_id, content_hash, title, link, end, voting_power: 1 }],
    closing_too_soon: [],
    left_over: { all: null, fresh: null },
  });
  const outcome = async () => {
    const { json } = await ask(`${gateway.url}/agent-run/${hold.runId}`);
    return AgentRunView.parse(json).proposals[0]?.outcome;
  };
  const held = { kind: 'held', why: 'below_confidence' };
  expect(await outcome()).toEqual(held);
  await say(hold, { answer: 'approve' });
  expect(await outcome()).toEqual({ ...held, answered: { kind: 'approved', outcome: null } });
  await hold.transitions.settleHold(hold, 'cast', { outcome: { kind: 'cast' }, settled_at: 1 }, 1);
  expect(await outcome()).toEqual({ ...held, answered: { kind: 'approved', outcome: { kind: 'cast' } } });
});
