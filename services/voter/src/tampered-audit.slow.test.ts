/** Each field of each audit entry and of each sealed record is changed in Redis in turn: each change is named, by the sealer or the verifier. */
import { readRecord } from '@quorum/shared/audit-record';
import { keys } from '@quorum/shared/redis-keys';
import { canonicalJson } from '@quorum/shared/canonical';
import { beforeAll, expect, test } from 'vitest';
import { verdictOn } from '../test/audit.ts';
import { changesOf } from '../test/leaves.ts';
import { useStand, type VoteCase } from '../test/stand.ts';
import { createSealer } from './seal.ts';

const stand = useStand();
const never = new AbortController().signal;
type Entry = readonly [id: string, fields: readonly string[]];

let vote: VoteCase;
let entries: readonly Entry[];
let records: readonly Entry[];
const entriesKey = (): string => keys.auditVoter(vote.voter);
const chainKey = (): string => keys.auditChain(vote.voter);
const seal = () => createSealer([vote.voter], vote.deps)(never);
const verdict = async () => {
  const onHub = await vote.hubVote();
  return verdictOn(stand.redis(), vote.voter, { keys: [vote.deps.voterKey], votes: onHub === null ? [] : [onHub] });
};

/** Puts these in place of all that a stream holds. */
async function write(key: string, all: readonly Entry[]): Promise<void> {
  await stand.redis().del(key);
  for (const [id, fields] of all) await stand.redis().xadd(key, id, ...fields);
}
const fieldsOf = ([, flat]: Entry): Record<string, string> =>
  Object.fromEntries(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? '']] : [])));

beforeAll(async () => {
  // A secret vote has all kinds of entries but `voided`; a first send that was refused for good has that.
  vote = await stand.aVote({ proposal: { privacy: 'shutter' } });
  const body = { error: 'client_error', error_description: 'validation failed' };
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, status: 400, body });
  await vote.vote();
  vote = await vote.nextRun();
  expect(await vote.vote()).toMatchObject({ kind: 'cast' });
  const outcome = { outcome: { kind: 'cast', counted: 'as_cast' } as const, settled_at: Date.now() };
  const voteId = (await vote.ledger())?.vote_id ?? '';
  await vote.deps.transitions.settleLater({ ...vote, proposal: vote.proposal.id, voteId, nowMs: Date.now() }, outcome);
  entries = await stand.redis().xrange(entriesKey(), '-', '+');
  await seal();
  records = await stand.redis().xrange(chainKey(), '-', '+');
  expect((await verdict()).faults).toEqual([]);
});

test('every kind of entry is among them', () => {
  const kinds = entries.map((entry) => fieldsOf(entry)['kind']);
  expect(new Set(kinds)).toEqual(new Set(['reserved', 'sending', 'voided', 'accepted', 'cast', 'counted']));
});

test(
  'each change of an entry that is not sealed yet is sealed as refused, and told',
  { timeout: 300_000 },
  async () => {
    const missed: string[] = [];
    let count = 0;
    for (const [at, entry] of entries.entries()) {
      for (const change of changesOf(fieldsOf(entry), () => true)) {
        count += 1;
        await stand.redis().del(chainKey());
        const flat = Object.entries(change.value ?? {}).flat();
        await write(entriesKey(), entries.with(at, [entry[0], flat]));
        const before = (await vote.security())['audit_entry_refused'] ?? 0;
        const { refused } = await seal();
        const told = ((await vote.security())['audit_entry_refused'] ?? 0) - before;
        const { faults } = await verdict();
        if (refused !== 1 || told !== 1 || faults[0]?.seq !== at + 1) missed.push(`${at + 1}.${change.path}`);
      }
    }
    process.stdout.write(`${count} changes of audit entries\n`);
    expect(missed).toEqual([]);
  },
);

test('each change of a sealed record is found, and its record named', { timeout: 300_000 }, async () => {
  const missed: string[] = [];
  let count = 0;
  for (const [at, record] of records.entries()) {
    const line = readRecord(fieldsOf(record)['record'] ?? '');
    for (const change of changesOf(line, () => true)) {
      count += 1;
      await write(chainKey(), records.with(at, [record[0], ['record', canonicalJson(change.value)]]));
      const [fault] = (await verdict()).faults;
      if (fault?.seq !== at + 1) missed.push(`${at + 1}.${change.path}: ${JSON.stringify(fault)}`);
    }
  }
  process.stdout.write(`${count} changes of sealed records\n`);
  expect(missed).toEqual([]);
});
