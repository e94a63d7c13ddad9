/**
 * An older backup is put back, and everything happens again: votes that were cast since, one that was revised, a hold that was
 * answered, a run that was half done. What stands on the hub is adopted or left; nothing is voted twice.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HoldView } from '@quorum/shared/hold-view';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { readSecretFile } from '@quorum/shared/secret-file';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allHolds } from '../all-holds.ts';
import { SECRETS } from '../../scripts/secrets.ts';
import { SERVICES } from '../../scripts/services.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, proposalId, SURE, WANTED } from './world.ts';

const SCRIPTS = fileURLToPath(new URL('../../scripts', import.meta.url));
const SPACES = ['later.eth', 'half.eth', 'revised.eth', 'asked.eth', 'refused.eth', 'again.eth'] as const;
const [LATER, HALF, REVISED, ASKED, REFUSED, AGAIN] = SPACES;
const ASKS = { approval: 'always' } as const;
const wishes = {
  ...EVERYTHING,
  space_overrides: { [REVISED]: { revise_votes: true }, [ASKED]: ASKS, [REFUSED]: ASKS, [AGAIN]: ASKS },
};
const changed = { ...wishes, instructions: 'Build whatever is proposed.' };

let stack: Stack;
let folder: string;
/** What the sequencer took before the restore, and the chain as it was then. */
let taken: readonly string[];
let halfRun: string;
let restoreSaid: string;

const votes = () => stack.sandbox.world.votes.map(({ proposal, id }) => `${proposal} ${id}`).toSorted();
const messages = () => stack.sandbox.world.messages.filter(({ type }) => type !== 'alias').map(({ id }) => id);

/** A command of the operator's, on the data of the stack. */
function command(script: string, ...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const env = {
    PATH: process.env['PATH'],
    QUORUM_ENV_FILE: '',
    QUORUM_SECRETS_DIR: stack.secrets,
    QUORUM_DATA_DIR: path.resolve(stack.secrets, '../..'),
    REDIS_URL: stack.redisServer.url,
  };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [path.join(SCRIPTS, `${script}.ts`), ...args],
      { env, cwd: folder },
      (_error, out, err) => resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

async function ask(method: string, route: string, body?: unknown): Promise<string> {
  const key = readSecretFile(path.join(stack.secrets, SECRETS.apiKey));
  const response = await fetch(`${stack.url}${route}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`);
  return text;
}

async function holdOf(space: string): Promise<HoldView | undefined> {
  const holds = await allHolds(async (route) => JSON.parse(await ask('GET', route)));
  return holds.find(({ space_id: id }) => id === space);
}

async function answer(space: string, given: object): Promise<void> {
  await ask('POST', `/holds/${(await holdOf(space))?.hold_id}`, given);
}

/** @param choice another ballot than was decided. */
async function approve(space: string, choice?: number): Promise<void> {
  await answer(space, { answer: 'approve', ...(choice === undefined ? {} : { choice }) });
  await until('the vote of the hold', async () => (await holdOf(space))?.state === 'cast');
}

const choicesIn = (space: string): readonly unknown[] =>
  stack.sandbox.world.votes.filter((vote) => vote.space === space).map(({ choice }) => choice);

const jobsWaiting = (): Promise<number> => stack.redis.zcard(`${BULL_PREFIX}:vote:prioritized`);

/** Writes a chain where the verifier finds it, once all is sealed that there is. */
async function exportChain(name: string): Promise<void> {
  await until('everything to be sealed', async () => (await stack.redis.xlen(keys.auditVoter(stack.voter))) === 0);
  await writeFile(path.join(folder, name), await ask('GET', '/audit'));
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorum-restore-'));
  const world = openWorld({ spaces: SPACES, types: ['basic'] });
  stack = await startStack({ world, space: LATER, moreSpaces: SPACES.slice(1), preferences: wishes, env: SURE });
  await stack.control('POST', 'model', { persona: 'owned', target: WANTED });

  // In the backup: a vote that is cast, a hold that waits, a run whose decision waits for its vote.
  await stack.run({ space_id: REVISED });
  for (const space_id of [ASKED, REFUSED, AGAIN]) await stack.run({ space_id });
  await stack.sigterm('voter');
  halfRun = (await stack.post({ space_id: HALF })).run_id;
  await until('a decision to wait for its vote', async () => (await jobsWaiting()) > 0);
  const made = await command('backup', 'old.backup');
  expect(made).toMatchObject({ code: 0 });

  // Since then: the run goes on, another one votes, holds are approved and rejected, the vote revised.
  await stack.start('voter');
  await stack.finished(halfRun);
  await stack.run({ space_id: LATER });
  await approve(ASKED);
  await answer(REFUSED, { answer: 'reject' });
  await approve(AGAIN);
  await stack.writePreferences(changed);
  await stack.control('POST', 'model', { persona: 'owned', target: 'Build it' });
  expect((await stack.run({ space_id: REVISED })).votes_cast).toHaveLength(1);
  await exportChain('before.ndjson');
  taken = messages();

  for (const service of SERVICES) await stack.sigterm(service);
  stack.redis.disconnect();
  const restored = await command('restore', 'old.backup', '--replace', 'newer.backup');
  await stack.redis.connect();
  expect(restored).toMatchObject({ code: 0 });
  restoreSaid = restored.err;
  // As if much time had passed: whatever was put off is due now.
  let stale = 0;
  for (const queue of ['agent-run', 'decide', 'vote', 'notify']) {
    const delayed = `${BULL_PREFIX}:${queue}:delayed`;
    for (const job of await stack.redis.zrange(delayed, '0', '-1'))
      stale += 1 + (await stack.redis.zadd(delayed, '0', job));
  }
  // The hold's end, the next runs, a vote's sealing.
  expect(stale).toBeGreaterThan(2);
  for (const service of SERVICES) await stack.start(service);
}, 240_000);
afterAll(async () => {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

test('before, six messages made five votes, one of them a revision', () => {
  expect([taken.length, votes().length]).toEqual([6, 5]);
});

describe('while voting is paused after the restore', () => {
  test('it is said, and so it is', async () => {
    expect(restoreSaid).toMatch(/Voting is paused/);
    expect(JSON.parse(await ask('GET', '/voting'))).toEqual({ votes: false, owner: false, all: false });
  });

  test('the run that was half done finds its vote on the hub, and takes it up', async () => {
    const result = await stack.finished(halfRun);
    expect(result).toMatchObject({
      status: 'completed',
      votes_cast: [{ proposal_id: proposalId(0, SPACES.indexOf(HALF)) }],
    });
    expect(messages()).toEqual(taken);
  });

  test('preferences are those of the backup', async () => {
    expect(JSON.parse(await ask('GET', '/user-preferences'))).not.toHaveProperty('instructions');
  });
});

describe('once it is resumed', () => {
  beforeAll(async () => {
    await ask('POST', '/voting/resume', { scope: 'all' });
    await ask('POST', '/voting/resume', { scope: 'owner' });
  });

  test('a space that was voted on since is left alone', async () => {
    expect(await stack.run({ space_id: LATER })).toMatchObject({
      votes_cast: [],
      filter_metrics: { already_voted: 1 },
    });
  });

  test('a hold that was answered since waits again; the same answer finds its vote', async () => {
    await approve(ASKED);
    expect(messages()).toEqual(taken);
  });

  test('a revision that was made since stands, and none is made of it', async () => {
    await stack.writePreferences(changed);
    await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
    expect((await stack.run({ space_id: REVISED })).votes_cast).toEqual([]);
  });

  test('by all of this the sequencer was sent nothing that it took', () => {
    expect(messages()).toEqual(taken);
    expect(votes()).toHaveLength(5);
  });

  test('a hold that was rejected since waits again, and is cast with the ballot that its owner chooses now', async () => {
    expect(choicesIn(REFUSED)).toEqual([]);
    await approve(REFUSED, 3);
    expect(choicesIn(REFUSED)).toEqual([3]);
  });

  test('one that was cast since is replaced where its owner chooses another ballot now', async () => {
    expect(choicesIn(AGAIN)).toEqual([2]);
    await approve(AGAIN, 3);
    expect(choicesIn(AGAIN)).toEqual([3]);
    expect(messages()).toHaveLength(taken.length + 2);
  });

  test('the chain goes on and tells of the restore; with its other branch it accounts for every vote', async () => {
    await exportChain('chain.ndjson');
    const all = stack.sandbox.world.votes.map(({ id, voter, metadata }) => ({ id, voter, metadata }));
    await writeFile(path.join(folder, 'votes.json'), JSON.stringify(all));
    const given = ['chain.ndjson', '--key', path.join(stack.secrets, SECRETS.voterMacKey), '--votes', 'votes.json'];
    const kinds = (await readFile(path.join(folder, 'chain.ndjson'), 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).kind);
    expect(kinds).toEqual(expect.arrayContaining(['restored', 'adopted']));
    const alone = await command('audit-verify', ...given);
    expect(alone).toMatchObject({
      code: 1,
      out: expect.stringMatching(/was cut off: .*restored from a backup there; give what it was before with --branch/),
    });
    const both = await command('audit-verify', ...given, '--branch', 'before.ndjson');
    expect(both).toMatchObject({ code: 0, out: expect.stringMatching(/it was restored from a backup of/) });
    expect(await command('audit-verify', 'chain.ndjson')).toMatchObject({ code: 0 });
  });
});
