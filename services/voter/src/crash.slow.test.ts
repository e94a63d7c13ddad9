/** The voter service as a process of its own, killed with -9 in the middle of a vote and started again: one vote, outcome cast. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { startChild, type Child } from '../../../scripts/child.ts';
import { enqueue } from '../test/enqueue.ts';
import { until, useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** What the voter service is started with, for this vote alone. */
async function settingsFor(vote: VoteCase): Promise<NodeJS.ProcessEnv> {
  const folder = path.join(stand.dir(), vote.owner);
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(path.join(folder, name), text, { mode: 0o600 });
    return path.join(folder, name);
  };
  const entry = { voter: vote.voter, kind: 'alias', key_file: 'signer.key', allowed_spaces: [vote.space] };
  return {
    ...process.env,
    REDIS_URL: stand.server().url,
    SNAPSHOT_HUB_URL: `${stand.sandbox().url}/graphql`,
    SNAPSHOT_SEQUENCER_URL: `${stand.sandbox().url}/`,
    PREFERENCES_DIR: stand.dir(),
    SIGNERS_FILE: await write('signers.json', JSON.stringify({ [vote.owner]: entry })),
    DECIDER_MAC_KEY_FILE: await write('decider.mac', vote.deps.deciderKey.toString('hex')),
    VOTER_MAC_KEY_FILE: await write('voter.mac', vote.deps.voterKey.toString('hex')),
    METRICS_PORT: '0',
    JOB_LOCK_S: '1',
    LOG_LEVEL: 'info',
  };
}

async function startProcess(env: NodeJS.ProcessEnv): Promise<Child> {
  const child = startChild({
    name: 'voter',
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    args: [fileURLToPath(new URL('main.ts', import.meta.url))],
    env,
    logFile: path.join(stand.dir(), 'voter.log'),
    onLine: () => undefined,
  });
  closers.push(() => child.stop());
  await child.ready;
  return child;
}

/** Long enough to be killed in, however busy the machine is. */
const LATENCY_MS = 3_000;

describe.each([
  {
    when: 'in the pre-flight, before anything is reserved',
    fault: { endpoint: 'hub', text: 'query VotingPower', latency_ms: 60_000 },
    audit: ['reserved', 'sending', 'accepted', 'cast'],
  },
  {
    when: 'while the sequencer has the vote and will not store it',
    fault: { endpoint: 'sequencer', text: '"app":"quorum"', latency_ms: LATENCY_MS, cut: 'before' },
    audit: ['reserved', 'sending', 'sending', 'accepted', 'cast'],
  },
  {
    when: 'while the sequencer has the vote and stores it before the restart',
    fault: { endpoint: 'sequencer', text: '"app":"quorum"', latency_ms: LATENCY_MS, cut: 'after' },
    audit: ['reserved', 'sending', 'cast'],
  },
  {
    when: 'while the sequencer has the vote and stores it only after the restart',
    fault: { endpoint: 'sequencer', text: '"app":"quorum"', latency_ms: 4_000 },
    audit: null,
  },
] as const)('kill -9 $when', ({ fault: { text, ...fault }, audit }) => {
  test('and a restart: one vote, outcome cast', async () => {
    const vote = await stand.aVote();
    const before = stand.sandbox().world.received.length;
    await stand.fault({ count: 1, match: { body_contains: text }, ...fault });
    const env = await settingsFor(vote);
    const first = await startProcess(env);
    await enqueue(stand, vote);
    await until('the voter service to be in the middle of it', () =>
      stand
        .sandbox()
        .world.received.slice(before)
        .some(({ answer, body }) => answer === null && JSON.stringify(body).includes(text)),
    );
    first.kill();
    expect(await first.ended).toBe('SIGKILL');
    const reserved = await vote.ledger();
    if (fault.endpoint === 'sequencer') {
      expect(reserved).toMatchObject({ state: 'reserved', sends: 1 });
      if ('cut' in fault && fault.cut === 'after') await until('the vote to be stored', () => vote.hubVote());
    } else expect(reserved).toBeNull();

    await startProcess(env);
    expect(await until('the outcome', async () => (await vote.record())?.outcome)).toEqual({ kind: 'cast' });
    const stored = stand.sandbox().world.votes.filter(({ proposal }) => proposal === vote.proposal.id);
    expect(stored).toHaveLength(1);
    expect(new Set(vote.sends().map((body) => JSON.stringify(body))).size, 'the same bytes each time').toBe(1);
    expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: stored[0]?.id });
    expect((await vote.audit()).filter((kind) => kind === 'cast')).toHaveLength(1);
    if (audit !== null) expect(await vote.audit()).toEqual(audit);
  });
});

describe('kill -9 after the vote was stored', () => {
  test('while it is being read back, and a restart: cast, and nothing is sent again', async () => {
    const vote = await stand.aVote();
    await stand.fault({
      endpoint: 'sequencer',
      count: 1,
      match: { body_contains: '"app":"quorum"' },
      latency_ms: LATENCY_MS,
    });
    const env = await settingsFor(vote);
    const first = await startProcess(env);
    await enqueue(stand, vote);
    await until('the vote to be sent', () => vote.sends().length === 1);
    await stand.fault({ endpoint: 'hub', count: 1, match: { body_contains: 'query Votes' }, latency_ms: 1_500 });
    await until('the receipt to be kept', async () => (await vote.ledger())?.receipt);
    first.kill();
    await first.ended;
    await startProcess(env);
    expect(await until('the outcome', async () => (await vote.record())?.outcome)).toEqual({ kind: 'cast' });
    expect(vote.sends()).toHaveLength(1);
    expect((await vote.record())?.receipt?.id).toBe((await vote.hubVote())?.id);
    expect(await vote.audit()).toEqual(['reserved', 'sending', 'accepted', 'cast']);
  });
});

test('a start with a signers file that is wrong fails and says what to mend', async () => {
  const vote = await stand.aVote();
  const env = await settingsFor(vote);
  await writeFile(env['SIGNERS_FILE'] ?? '', '{"ada":{}}');
  const child = startChild({
    name: 'voter',
    cwd: stand.dir(),
    args: [fileURLToPath(new URL('main.ts', import.meta.url))],
    env,
    logFile: path.join(stand.dir(), 'voter.log'),
    onLine: () => undefined,
  });
  await expect(child.ready).rejects.toThrow('voter ended before it was ready');
  expect(await child.ended).toBe('exit code 1');
  expect(child.lastLines().join('\n')).toContain('signers.json');
});
