/** A script whose reply was lost is run again: each transition of a vote that runs twice leaves what it leaves when it runs once. */
import type { Redis } from 'ioredis';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aHash, anAddress, aReceipt } from '../test/samples.ts';
import { connectTwice } from '../test/sent-twice.ts';
import { accept, aCase, aRunningRun, auditOf, type Case, NOW_MS, useRedis, vote } from '../test/world.ts';
import { keys } from './redis-keys.ts';
import { createTransitions } from './transitions.ts';
import { enableVoting } from './voting.ts';

const { redis, server } = useRedis();
let twice: Redis;
beforeAll(() => {
  twice = connectTwice(server().url);
});
afterAll(() => twice.disconnect());

const KEY = Buffer.alloc(32, 7);
const SIGNED = { address: anAddress(), sig: '0x01' };
const HASHES = { evidenceHash: aHash(), envelopeHash: aHash() };

const voteId = fc.constantFrom('a', 'b');
const receipt = fc.constantFrom(aReceipt(), aReceipt());
type Take = (one: Case) => Promise<unknown>;

/** A step, as what it does with a vote; printed by its name where the property fails. */
const step = <T>(does: string, given: fc.Arbitrary<T>, take: (one: Case, given: T) => Promise<unknown>) =>
  given.map((value): { readonly does: string; readonly value: T; readonly take: Take } => ({
    does,
    value,
    take: (one) => take(one, value),
  }));
const about = (one: Case, id: string) => vote(one, { ...HASHES, voteId: id });

const aStep = fc.oneof(
  {
    weight: 3,
    arbitrary: step('reserve', fc.record({ voteId, replaces: fc.option(voteId) }), (one, given) =>
      one.transitions.reserve({ ...about(one, given.voteId), replaces: given.replaces }),
    ),
  },
  { weight: 3, arbitrary: step('send', voteId, (one, id) => one.transitions.maySend(about(one, id))) },
  {
    weight: 2,
    arbitrary: step('receipt', fc.record({ voteId, receipt }), (one, given) =>
      one.transitions.keepReceipt(about(one, given.voteId), given.receipt, SIGNED),
    ),
  },
  step('cast', fc.record({ voteId, receipt: fc.option(receipt) }), (one, given) =>
    one.transitions.confirm(about(one, given.voteId), { state: 'cast', receipt: given.receipt }),
  ),
  step('void', voteId, (one, id) => one.transitions.confirm(about(one, id), { state: 'voided', why: 'so' })),
  step('void unsent', voteId, (one, id) =>
    one.transitions.confirm(about(one, id), { state: 'voided', why: 'so', onlyUnsent: true }),
  ),
  step('end', fc.constant('a'), (one, id) =>
    one.transitions.settle({
      ...about(one, id),
      record: { outcome: { kind: 'skipped', why: 'preferences' }, settled_at: NOW_MS },
      held: null,
    }),
  ),
  step('adopt', fc.record({ voteId, state: fc.constantFrom('', 'cast', 'voided') }), (one, given) =>
    one.transitions.adopt({
      ...about(one, given.voteId),
      instead: given.state === '' ? null : { state: given.state, voteId: 'a' },
    }),
  ),
  step('count', voteId, (one, id) =>
    one.transitions.settleLater(about(one, id), { outcome: { kind: 'cast', counted: 'as_cast' }, settled_at: NOW_MS }),
  ),
);

/** What these steps leave of a vote, by this connection: ledger, audit entries and events, but for what is random. */
async function leftBy(connection: Redis, given: Case, steps: readonly { readonly take: Take }[]) {
  await redis().flushall();
  const one = { ...given, transitions: createTransitions(connection, KEY) };
  await accept(given);
  await given.transitions.start(given.runId, NOW_MS);
  await enableVoting(redis(), given.owner);
  for (const { take } of steps) await take(one);
  const { told: _told, ...ledger } = await redis().hgetall(keys.ledger(one.voter, one.space, one.proposal));
  const audit = await auditOf(redis(), keys.auditVoter(one.voter));
  const nonces = audit.map(({ nonce }) => nonce);
  expect(new Set(nonces).size, 'no entry twice').toBe(nonces.length);
  return {
    ledger,
    audit: audit.map(({ nonce: _nonce, mac: _mac, ...rest }) => rest),
    events: await auditOf(redis(), keys.runEvents(one.runId)),
    counted: await redis().get(keys.cap(one.voter, '2026-11-20')),
  };
}

test('ledger, audit stream, events and cap are the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(aStep, { maxLength: 12 }), async (steps) => {
      const one = aCase(redis());
      expect(await leftBy(twice, one, steps)).toEqual(await leftBy(redis(), one, steps));
    }),
    { numRuns: 60 },
  );
});

test('also where another process asked between the two', async () => {
  const one = await aRunningRun(redis());
  const other = createTransitions(redis(), KEY);
  let meanwhile = async (): Promise<unknown> => undefined;
  const connection = connectTwice(server().url, () => meanwhile());
  const { maySend, keepReceipt } = createTransitions(connection, KEY);
  await other.reserve(vote(one));
  meanwhile = () => other.maySend(vote(one));
  expect(await maySend(vote(one))).toBe('yes');
  meanwhile = () => other.keepReceipt(vote(one), aReceipt(), SIGNED);
  expect(await keepReceipt(vote(one), aReceipt(), SIGNED)).toBe(true);
  connection.disconnect();
  const audit = await auditOf(redis(), keys.auditVoter(one.voter));
  expect(audit.map(({ kind }) => kind)).toEqual(['reserved', 'sending', 'sending', 'accepted', 'accepted']);
  expect(new Set(audit.map(({ nonce }) => nonce)).size).toBe(5);
  expect(await redis().hget(keys.ledger(one.voter, one.space, one.proposal), 'sends')).toBe('2');
});
