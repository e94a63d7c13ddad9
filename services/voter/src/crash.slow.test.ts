/** The voter service as a process of its own, killed with -9 in the middle of a vote and started again: one vote, outcome cast. */
import { writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Child } from '../../../scripts/child.ts';
import { verdictOn } from '../test/audit.ts';
import { enqueue } from '../test/enqueue.ts';
import { until, useStand, type VoteCase } from '../test/stand.ts';
import { settingsFor, spawnVoter, startVoterProcess } from '../test/voter-process.ts';

const stand = useStand();
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** What the voter service is started with, for this vote alone. */
const settingsOf = (vote: VoteCase) => settingsFor(stand, [{ ...vote, spaces: [vote.space] }]);

async function startProcess(env: NodeJS.ProcessEnv): Promise<Child> {
  const child = await startVoterProcess(stand, env);
  closers.push(() => child.stop());
  return child;
}

/** The voter service seals what was told by the dead one and by itself, and the chain verifies with the key and the vote. */
async function chainVerifies(vote: VoteCase): Promise<void> {
  const known = { keys: [vote.deps.voterKey], votes: [await vote.hubVote()].filter((row) => row !== null) };
  const verdict = () => verdictOn(stand.redis(), vote.voter, known);
  await until('its records to be sealed', async () => (await verdict()).votes.cast === 1);
  expect(await verdict()).toMatchObject({ votes: { cast: 1, open: 0 }, faults: [] });
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
    audit: ['reserved', 'sending', 'accepted', 'cast'],
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
  test.each(['', 'shutter'])('(privacy "%s") and a restart: one vote, outcome cast', async (privacy) => {
    const vote = await stand.aVote({ proposal: { privacy } });
    const cast = { kind: 'cast', ...(privacy === '' ? {} : { counted: 'unknown' }) };
    const before = stand.sandbox().world.received.length;
    await stand.fault({ count: 1, match: { body_contains: text }, ...fault });
    const env = await settingsOf(vote);
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
    expect(await until('the outcome', async () => (await vote.record())?.outcome)).toEqual(cast);
    const stored = stand.sandbox().world.votes.filter(({ proposal }) => proposal === vote.proposal.id);
    expect(stored).toHaveLength(1);
    expect(new Set(vote.sends().map((body) => JSON.stringify(body))).size, 'the same bytes each time').toBe(1);
    expect(await vote.ledger()).toMatchObject({ state: 'cast', vote_id: stored[0]?.id });
    expect((await vote.audit()).filter((kind) => kind === 'cast')).toHaveLength(1);
    // A restart may be so quick that the sequencer is at work on the first send yet, and is asked once more.
    const told = await vote.audit();
    if (audit !== null) expect(told.filter((kind, at) => kind !== told[at - 1])).toEqual(audit);
    expect(told.filter((kind) => kind === 'sending')).toHaveLength(vote.sends().length);
    await chainVerifies(vote);
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
    const env = await settingsOf(vote);
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
    await chainVerifies(vote);
  });
});

test.each([
  { what: 'a signers file', names: 'signers.json', wrong: { signers: '{"ada":{}}' } },
  { what: 'a key for secret votes', names: 'SHUTTER_EON_PUBLIC_KEY', wrong: { eon: `0x${'11'.repeat(128)}` } },
])('a start with $what that is wrong fails and says what to mend', async ({ names, wrong }) => {
  const vote = await stand.aVote();
  const settings = await settingsOf(vote);
  const env = 'eon' in wrong ? { ...settings, SHUTTER_EON_PUBLIC_KEY: wrong.eon } : settings;
  if ('signers' in wrong) await writeFile(env['SIGNERS_FILE'] ?? '', wrong.signers);
  const child = spawnVoter(stand, env);
  await expect(child.ready).rejects.toThrow('voter ended before it was ready');
  expect(await child.ended).toBe('exit code 1');
  expect(child.lastLines().join('\n')).toContain(names);
});
