/** `npm run audit:verify`, as an operator runs it: on a file, without Redis and without a network. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { lineOf, sealRecord, type AuditRecord } from '@quorum/shared/audit-record';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aChain, COURSES, linesOf, type Cast } from '../packages/shared/test/audit.ts';
import { aHash } from '../packages/shared/test/samples.ts';

const SCRIPT = path.join(import.meta.dirname, 'audit-verify.ts');

let dir: string;
let cast: Cast;
let records: AuditRecord[];
let lines: string[];
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-verify-'));
  ({ cast, records } = await aChain(COURSES));
  lines = linesOf(records);
  await write('whole.ndjson', lines);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function write(name: string, of: readonly string[]): Promise<void> {
  await writeFile(path.join(dir, name), of.map((line) => `${line}\n`).join(''), { mode: 0o600 });
}

type Run = { readonly code: number; readonly out: string; readonly err: string };

/** Runs it where the files are. Its environment names nothing that it could ask. */
function run(args: readonly string[], stdin = ''): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [SCRIPT, ...args], { env: {}, cwd: dir }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
    child.stdin?.end(stdin);
  });
}

test('a whole chain verifies, and what the file alone cannot show is said', async () => {
  const { code, out, err } = await run(['whole.ndjson']);
  expect([code, err]).toEqual([0, '']);
  expect(out.split('\n')).toEqual([
    `✓ ${records.length} records of ${cast.voter} verify, the last one ${records.at(-1)?.hash}`,
    `  votes: 3 cast, 2 voided, 1 open; receipts by ${cast.relayer.address}`,
    '! That this voter service sealed them is not shown: give --key.',
    '! That the end was not cut off is not shown: give --head or --votes.',
    '',
  ]);
});

test('with the key, a head and votes nothing is left unsaid', async () => {
  await write('voter.key', [cast.key.toString('hex')]);
  const votes = records.flatMap((record) =>
    record.kind === 'reserved' ? [{ id: record.vote, metadata: JSON.parse(record.message.metadata) }] : [],
  );
  await write('votes.json', [JSON.stringify({ data: { votes: votes.slice(0, 1) } })]);
  const given = ['--key', 'voter.key', '--votes', 'votes.json', '--head', records.at(-1)?.hash ?? ''];
  const { code, out } = await run([...given, '--relayer', cast.relayer.address, 'whole.ndjson']);
  expect([code, out.includes('!')]).toEqual([0, false]);
});

test('a chain that was restored is told of, and its other branch is read', async () => {
  const { seq, hash: prev } = records[3] ?? { seq: 0, hash: '' };
  const where = { seq: seq + 1, prev, voter: cast.voter, source: '1-0', sealed_at: 1 };
  const fact = { kind: 'restored', time: 2_000, backup_at: 1_000, lost_head: null } as const;
  await write('restored.ndjson', [...lines.slice(0, 4), lineOf(sealRecord(fact, where, cast.key))]);
  const head = ['--head', records.at(-1)?.hash ?? ''];
  const told = await run(['restored.ndjson', ...head, '--branch', 'whole.ndjson']);
  expect(told).toMatchObject({
    code: 0,
    out: expect.stringContaining(
      '! Record 5: on 1970-01-01T00:00:02.000Z it was restored from a backup of 1970-01-01T00:00:01.000Z.',
    ),
  });
  expect(await run(['restored.ndjson', ...head])).toMatchObject({ code: 1, out: expect.stringContaining('--branch') });
});

test('it reads stdin too, and a chain of nothing', async () => {
  expect(await run(['-'], `${lines.join('\n')}\n`)).toMatchObject({ code: 0 });
  expect(await run(['-'])).toMatchObject({ code: 0, out: expect.stringContaining('No record') });
});

test.for([
  ['changed', () => lines.with(2, (lines[2] ?? '').replace(/"time":\d/, '"time":9')), 'Record 3 was changed: its hash'],
  ['dropped', () => lines.toSpliced(2, 1), 'Record 3 was dropped: record 3 is missing before line 3.'],
  ['added', () => lines.toSpliced(3, 0, lines[2] ?? ''), 'Record 3 was added: line 4 repeats line 3.'],
  [
    'moved',
    () => lines.with(2, lines[3] ?? '').with(3, lines[2] ?? ''),
    'Record 4 was moved: line 3 stands before line 4',
  ],
  [
    'cut within a line',
    () => [...lines.slice(0, -1), (lines.at(-1) ?? '').slice(0, 50)],
    'no audit record as Quorum writes them',
  ],
] as const)('a record that was %s is named, and the exit code is 1', async ([name, damaged, words]) => {
  await write(`${name}.ndjson`, damaged());
  const { code, out } = await run([`${name}.ndjson`]);
  expect(code).toBe(1);
  expect(out).toContain(words);
  expect(out).toContain('does not verify');
});

test('a cut tail is named by a head that was noted', async () => {
  await write('cut.ndjson', lines.slice(0, -2));
  expect(await run(['cut.ndjson'])).toMatchObject({ code: 0 });
  const { code, out } = await run(['cut.ndjson', '--head', records.at(-1)?.hash ?? '']);
  expect(code).toBe(1);
  expect(out).toContain(`From record ${records.length - 1} on the chain was cut off`);
});

test('another key than the one that sealed it is named', async () => {
  await write('other.key', [aHash()]);
  expect(await run(['whole.ndjson', '--key', 'other.key'])).toMatchObject({
    code: 1,
    out: expect.stringContaining('Record 1 is forged'),
  });
});

test.for([
  [[], 'Name one file.'],
  [['a', 'b'], 'Name one file.'],
  [['whole.ndjson', '--head', 'x'], '--head x is not a hash'],
  [['whole.ndjson', '--relayer', 'x'], '--relayer is not an Ethereum address'],
  [['whole.ndjson', '--nothing'], "Unknown option '--nothing'"],
  [['none.ndjson'], 'none.ndjson cannot be read'],
  [['whole.ndjson', '--votes', 'whole.ndjson'], 'whole.ndjson is not JSON'],
  [['whole.ndjson', '--votes', 'none.json'], 'none.json cannot be read'],
] as const)('%j is refused in words', async ([args, words]) => {
  const { code, out, err } = await run(args);
  expect([code, out]).toEqual([1, '']);
  expect(err).toContain(words);
});
