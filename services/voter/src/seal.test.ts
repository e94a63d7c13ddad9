/** The audit records of real votes, sealed: what the chain tells, what tampering becomes of, and that it is sealed once. */
import { randomBytes } from 'node:crypto';
import { createAuditChain, ForgedHeadError } from '@quorum/shared/audit-chain';
import { GENESIS } from '@quorum/shared/audit-record';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { connectPatient } from '@quorum/shared/redis';
import { afterEach, describe, expect, test } from 'vitest';
import { quiet } from '../../../packages/shared/test/samples.ts';
import { exportOf, recordsOf, verdictOn } from '../test/audit.ts';
import { enqueue } from '../test/enqueue.ts';
import { ballotOf, jobDeps, until, useStand, type VoteCase } from '../test/stand.ts';
import { createSealer, type SealDeps } from './seal.ts';
import { startVoter } from './worker.ts';

const stand = useStand();
const never = new AbortController().signal;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const sealer = (vote: VoteCase, chain: Partial<SealDeps['auditChain']> = {}) =>
  createSealer([vote.voter], { ...vote.deps, auditChain: { ...vote.deps.auditChain, ...chain } });
const seal = (vote: VoteCase) => sealer(vote)(never);
const waiting = (vote: VoteCase): Promise<number> => stand.redis().xlen(keys.auditVoter(vote.voter));
const verdict = (vote: VoteCase) => verdictOn(stand.redis(), vote.voter, { keys: [vote.deps.voterKey] });

/** A vote that was refused for good and, in the next run, cast. */
async function votedTwice(between: (vote: VoteCase) => Promise<unknown>): Promise<VoteCase> {
  const vote = await stand.aVote();
  const body = { error: 'client_error', error_description: 'validation failed' };
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 400, body });
  expect(await vote.vote()).toMatchObject({ kind: 'failed' });
  await between(vote);
  const next = await vote.nextRun({ ballot: ballotOf('basic', 2) });
  expect(await next.vote()).toEqual({ kind: 'cast' });
  return next;
}

describe('a vote that was cast', () => {
  test('is told of in the chain, which verifies with the key and by the vote on the hub', async () => {
    const vote = await stand.aVote();
    await vote.vote();
    expect(await seal(vote)).toEqual({ sealed: 4, refused: 0 });
    expect(await waiting(vote)).toBe(0);
    const onHub = await vote.hubVote();
    expect(
      await verdictOn(stand.redis(), vote.voter, { keys: [vote.deps.voterKey], votes: onHub === null ? [] : [onHub] }),
    ).toMatchObject({
      records: 4,
      voter: vote.voter,
      votes: { cast: 1, voided: 0, open: 0 },
      faults: [],
    });
    const [reserved, sending, accepted, cast] = await recordsOf(stand.redis(), vote.voter);
    expect(reserved).toMatchObject({ kind: 'reserved', prev: GENESIS, run: vote.runId, ballot: ballotOf('basic') });
    expect(sending).toMatchObject({ kind: 'sending', vote: onHub?.id });
    expect(accepted).toMatchObject({ kind: 'accepted', signer: vote.signer, receipt: { id: onHub?.id } });
    expect(cast).toMatchObject({ kind: 'cast', proposal: vote.proposal.id });
  });

  test('names the head of the chain as it was', async () => {
    const vote = await votedTwice(seal);
    const [, , voided] = await recordsOf(stand.redis(), vote.voter);
    expect((await vote.hubVote())?.metadata).toMatchObject({ agent: true, audit_head: voided?.hash });
    await seal(vote);
    expect(await verdict(vote)).toMatchObject({ records: 7, votes: { cast: 1, voided: 1 }, faults: [] });
  });

  test('names the head that there was, where nothing was sealed meanwhile', async () => {
    const vote = await votedTwice(async () => undefined);
    expect((await vote.hubVote())?.metadata).toMatchObject({ audit_head: GENESIS });
    await seal(vote);
    expect((await verdict(vote)).faults).toEqual([]);
  });

  test('on the real queue is sealed by itself, and by the minute', async () => {
    const vote = await stand.aVote();
    const connection = connectPatient(stand.server().url, quiet);
    closers.push(async () => connection.disconnect());
    const worker = startVoter({ connection, concurrency: 2, lockS: 5, deps: jobDeps(vote.deps) });
    closers.push(() => worker.close(1_000));
    await worker.ready();
    await enqueue(stand, vote);
    await until('its records to be sealed', async () => (await exportOf(stand.redis(), vote.voter)).length === 4);
    expect((await verdict(vote)).faults).toEqual([]);
    const scheduled = await stand.redis().hgetall(`${BULL_PREFIX}:vote:repeat:seal`);
    expect(scheduled).toMatchObject({ name: 'seal', every: '60000' });
  });
});

describe('an entry that somebody altered in Redis before it was sealed', () => {
  type Entry = readonly [string, readonly string[]];

  /** Writes the stream anew, ids as they were. */
  async function rewrite(vote: VoteCase, how: (entries: readonly Entry[]) => readonly Entry[]): Promise<void> {
    const key = keys.auditVoter(vote.voter);
    const entries = await stand.redis().xrange(key, '-', '+');
    await stand.redis().del(key);
    for (const [id, flat] of how(entries)) await stand.redis().xadd(key, id, ...flat);
  }

  test('in any of its fields is sealed as refused, named by the verifier, and a security event', async () => {
    const vote = await stand.aVote();
    await vote.vote();
    const entries = await stand.redis().xrange(keys.auditVoter(vote.voter), '-', '+');
    const places = entries.flatMap(([, flat], at) =>
      flat.flatMap((_, place) => (place % 2 === 1 ? [{ at, place }] : [])),
    );
    expect(places.length).toBeGreaterThan(28);
    for (const [round, { at, place }] of places.entries()) {
      await stand.redis().del(keys.auditChain(vote.voter));
      const altered = entries.map(([id, flat], which): Entry => [
        id,
        which === at ? flat.with(place, `${flat[place]}0`) : flat,
      ]);
      await rewrite(vote, () => altered);
      const name = entries[at]?.[1][place - 1];
      expect(await seal(vote), name).toEqual({ sealed: 4, refused: 1 });
      expect((await verdict(vote)).faults[0], name).toMatchObject({ kind: 'inconsistent', seq: at + 1 });
      expect(await vote.security(), name).toEqual({ audit_entry_refused: round + 1 });
    }
  });

  test('or took away is named by what is left, unless it was the last word', async () => {
    const vote = await stand.aVote();
    await vote.vote();
    const entries = await stand.redis().xrange(keys.auditVoter(vote.voter), '-', '+');
    for (const at of [0, 1, 2]) {
      await stand.redis().del(keys.auditChain(vote.voter));
      await rewrite(vote, () => entries.toSpliced(at, 1));
      await seal(vote);
      expect((await verdict(vote)).faults[0], String(at)).toMatchObject({ kind: 'inconsistent', seq: at + 1 });
    }
    await stand.redis().del(keys.auditChain(vote.voter));
    await rewrite(vote, () => entries.slice(0, 3));
    await seal(vote);
    expect(await verdict(vote)).toMatchObject({ votes: { open: 1, cast: 0 }, faults: [] });
  });

  test('or took away with all others of its vote is named by the vote on the hub', async () => {
    const vote = await stand.aVote();
    await vote.vote();
    await stand.redis().del(keys.auditVoter(vote.voter));
    const onHub = await vote.hubVote();
    const { faults } = await verdictOn(stand.redis(), vote.voter, { votes: onHub === null ? [] : [onHub] });
    expect(faults).toMatchObject([
      { kind: 'cut', says: `vote ${onHub?.id} stands on Snapshot, and no record tells of it` },
    ]);
  });

  test('or put in once more, as it was, is named', async () => {
    const vote = await stand.aVote();
    await vote.vote();
    const entries = await stand.redis().xrange(keys.auditVoter(vote.voter), '-', '+');
    for (const at of [1, 2]) {
      await stand.redis().del(keys.auditChain(vote.voter));
      const copied = entries.toSpliced(at, 0, ...entries.slice(at, at + 1));
      await rewrite(vote, () => copied.map(([, flat], place): Entry => [`${place + 1}-0`, flat]));
      expect(await seal(vote), String(at)).toEqual({ sealed: 5, refused: 0 });
      expect((await verdict(vote)).faults, String(at)).toEqual([
        { kind: 'inconsistent', seq: at + 2, says: 'its entry was sealed before: somebody put a copy of it in' },
      ]);
    }
  });

  test('or moved there from another voter, with its good code, is refused', async () => {
    const [vote, other] = [await stand.aVote(), await stand.aVote()];
    await other.vote();
    const theirs = await stand.redis().xrange(keys.auditVoter(other.voter), '-', '+');
    await rewrite(vote, () => theirs);
    const { voterKey } = other.deps;
    expect(await createSealer([vote.voter], { ...vote.deps, voterKey })(never)).toEqual({ sealed: 4, refused: 4 });
  });

  test.for([
    ['nothing that we know', ['a', 'b']],
    ['half a character and a zero byte', ['kind', 'x\ud800\0', '__proto__', '{}']],
  ] as const)('or put in, %s, keeps nothing from being sealed', async ([, flat]) => {
    const vote = await stand.aVote();
    await stand.redis().xadd(keys.auditVoter(vote.voter), '*', ...flat);
    await vote.vote();
    expect(await seal(vote)).toEqual({ sealed: 5, refused: 1 });
    expect((await verdict(vote)).faults).toMatchObject([{ kind: 'inconsistent', seq: 1 }]);
  });
});

test('what a server says in half a character is sealed all the same', async () => {
  const vote = await stand.aVote();
  const body = '{"error":"client_error","error_description":"validation failed \\ud800"}';
  const match = { body_contains: vote.proposal.id };
  await stand.fault({ endpoint: 'sequencer', count: 1, match, status: 400, body: JSON.parse(body) });
  expect(await vote.vote()).toMatchObject({ kind: 'failed' });
  expect(await seal(vote)).toEqual({ sealed: 3, refused: 0 });
  expect((await verdict(vote)).faults).toEqual([]);
});

describe('a chain that somebody altered in Redis', () => {
  async function alterLast(vote: VoteCase, how: (line: string) => string): Promise<void> {
    const lines = await exportOf(stand.redis(), vote.voter);
    await stand.redis().del(keys.auditChain(vote.voter));
    const changed = [...lines.slice(0, -1), how(lines.at(-1) ?? '')];
    for (const [at, line] of changed.entries())
      await stand.redis().xadd(keys.auditChain(vote.voter), `${at + 1}-0`, 'record', line);
  }

  test.for([
    ['altered', (line: string) => line.replace(/"sealed_at":\d/, '"sealed_at":9')],
    ['no JSON', () => '{'],
    ['another voter’s', (line: string) => line.replaceAll(/"voter":"0x\w+"/g, `"voter":"0x${'0'.repeat(40)}"`)],
  ] as const)(
    'so that its last record is %s: nothing is put behind it, nothing is lost, and nothing is voted',
    async ([, how]) => {
      const vote = await votedTwice(async (first) => {
        await seal(first);
      });
      await seal(vote);
      await alterLast(vote, how);
      const last = await stand.redis().xlen(keys.auditChain(vote.voter));
      await stand.redis().xadd(keys.auditVoter(vote.voter), '*', 'kind', 'sending');
      expect(await seal(vote)).toEqual({ sealed: 0, refused: 0 });
      expect([await stand.redis().xlen(keys.auditChain(vote.voter)), await waiting(vote)]).toEqual([last, 1]);
      expect(await vote.security()).toEqual({ audit_head_forged: 1 });
      await expect(vote.deps.auditChain.head(vote.voter, [vote.deps.voterKey])).rejects.toThrow(ForgedHeadError);
    },
  );

  test('is not one whose key was changed, as long as the old one is at hand', async () => {
    const vote = await votedTwice(async (first) => {
      await seal(first);
    });
    const [old, voterKey] = [vote.deps.voterKey, randomBytes(32)];
    const withKeys = (oldVoterKeys: readonly Buffer[]) =>
      createSealer([vote.voter], { ...vote.deps, voterKey, oldVoterKeys });
    expect(await withKeys([])(never)).toEqual({ sealed: 0, refused: 0 });
    expect(await withKeys([old])(never)).toEqual({ sealed: 4, refused: 0 });
    expect((await verdictOn(stand.redis(), vote.voter, { keys: [old, voterKey] })).faults).toEqual([]);
    // The last record is the new key's by now.
    expect((await vote.deps.auditChain.head(vote.voter, [voterKey])).seq).toBe(7);
  });

  test('before a vote: it is not made, and the owner is told why', async () => {
    const vote = await stand.aVote();
    await stand.redis().xadd(keys.auditChain(vote.voter), '1-0', 'record', '{}');
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
    expect(await vote.record()).toMatchObject({ detail: 'the audit chain was altered' });
    expect(vote.sends()).toEqual([]);
  });

  test('so that it is shorter is told by whoever saw it longer', async () => {
    const vote = await stand.aVote();
    await vote.vote();
    const same = sealer(vote);
    await same(never);
    await stand.redis().xdel(keys.auditChain(vote.voter), '4-0');
    await same(never);
    expect(await vote.security()).toEqual({ audit_rolled_back: 1 });
  });
});

describe('sealing', () => {
  test('by several at once puts each record there once, in order', async () => {
    const vote = await votedTwice(async () => undefined);
    const done = await Promise.all(Array.from({ length: 10 }, () => seal(vote)));
    expect(done.reduce((sum, { sealed }) => sum + sealed, 0)).toBe(7);
    expect(await verdict(vote)).toMatchObject({ records: 7, faults: [] });
  });

  test('by one that was paused comes too late and changes nothing', async () => {
    const vote = await votedTwice(async () => undefined);
    const chain = createAuditChain(stand.redis());
    let late: Promise<unknown> = Promise.resolve();
    const slow = sealer(vote, {
      async append(voter, head, records) {
        // Another one seals while this one is held up.
        late = seal(vote);
        await late;
        return chain.append(voter, head, records);
      },
    });
    expect(await slow(never)).toEqual({ sealed: 0, refused: 0 });
    expect(await late).toEqual({ sealed: 7, refused: 0 });
    expect(await verdict(vote)).toMatchObject({ records: 7, faults: [] });
  });

  test.for(['head', 'unsealed', 'append', 'after the append'] as const)(
    'that dies at %s is made up for',
    async (step) => {
      const vote = await votedTwice(async () => undefined);
      const chain = createAuditChain(stand.redis());
      const die = async (): Promise<never> => {
        throw new Error('killed');
      };
      const dying: Partial<SealDeps['auditChain']> =
        step === 'after the append'
          ? { append: async (...given) => (await chain.append(...given)) && die() }
          : { [step]: die };
      await expect(sealer(vote, dying)(never)).rejects.toThrow('killed');
      const { sealed } = await seal(vote);
      expect(sealed).toBe(step === 'after the append' ? 0 : 7);
      expect(await verdict(vote)).toMatchObject({ records: 7, faults: [] });
    },
  );

  test('of more than a page goes on to the end', async () => {
    const vote = await stand.aVote();
    await vote.vote();
    const [, sending] = await stand.redis().xrange(keys.auditVoter(vote.voter), '-', '+');
    for (let at = 0; at < 500; at += 1)
      await stand.redis().xadd(keys.auditVoter(vote.voter), '*', ...(sending?.[1] ?? []));
    expect(await seal(vote)).toEqual({ sealed: 504, refused: 0 });
    expect(await exportOf(stand.redis(), vote.voter)).toHaveLength(504);
  });

  test('stops when it is told to', async () => {
    const vote = await stand.aVote();
    await vote.vote();
    const stop = AbortSignal.abort(new Error('the service is stopping'));
    await expect(sealer(vote)(stop)).rejects.toThrow('the service is stopping');
    expect(await waiting(vote)).toBe(4);
  });
});
