/**
 * `npm run audit:verify`: verifies an exported audit chain, offline. It needs the file and nothing else; what else is known makes it
 * find more. docs/operations/audit.md says what it proves and what not.
 *
 *     npm run audit:verify FILE                         as `GET /audit` gave it; - reads it from stdin
 *     npm run audit:verify -- FILE --head HASH          the chain had this record: a head that was noted; may be given several times
 *     npm run audit:verify -- FILE --votes VOTES        the voter's votes as Snapshot's hub answers them, JSON
 *     npm run audit:verify -- FILE --key KEYFILE        every record was sealed with this key of the voter service; several times, if
 *                                                       it was changed
 *     npm run audit:verify -- FILE --branch FILE        the chain as it was before it was restored from a backup; several times
 *     npm run audit:verify -- FILE --relayer ADDRESS    only this relayer's receipts count
 *
 * Exit code 0: it verifies. 1: it does not, or could not be read; the first fault is named first.
 */
import { readFileSync } from 'node:fs';
import { Sha256 } from '@quorum/shared/audit-entry';
import type { AuditFault } from '@quorum/shared/audit-links';
import { HubVotes, verifyAudit, type Known, type Verdict } from '@quorum/shared/audit-verify';
import { readKeyFile } from '@quorum/shared/secret-file';
import { Address } from '@quorum/snapshot/proposal';
import { OperatorError, runCommand } from './operator.ts';
import { pathOf } from './root.ts';
import { parseUsage, wrongUsage } from './subcommand.ts';

const USAGE =
  'npm run audit:verify -- FILE [--head HASH]… [--votes FILE] [--key FILE]… [--branch FILE]… [--relayer ADDRESS]';
/** One fault often has a train of others behind it. */
const MOST_SHOWN = 10;
const STDIN = 0;

await runCommand(async (args) => {
  const options = {
    head: { type: 'string', multiple: true },
    votes: { type: 'string' },
    key: { type: 'string', multiple: true },
    branch: { type: 'string', multiple: true },
    relayer: { type: 'string' },
  } as const;
  const { values, positionals } = parseUsage(USAGE, args, { options, allowPositionals: true });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw wrongUsage(USAGE, 'Name one file.');
  const { head: heads = [] } = values;
  const badHead = heads.find((head) => !Sha256.safeParse(head).success);
  if (badHead !== undefined) throw wrongUsage(USAGE, `--head ${badHead} is not a hash of 64 hex digits.`);
  const relayer = values.relayer === undefined ? null : Address.safeParse(values.relayer);
  if (relayer?.success === false) throw wrongUsage(USAGE, '--relayer is not an Ethereum address.');
  const known: Known = {
    heads,
    votes: values.votes === undefined ? [] : readVotes(values.votes),
    keys: (values.key ?? []).map((keyFile) => readKeyFile(pathOf(keyFile), 'given')),
    branches: (values.branch ?? []).map(linesOf),
    relayer: relayer?.data,
  };
  const verdict = verifyAudit(linesOf(file), known);
  process.stdout.write(`${told(verdict, known).join('\n')}\n`);
  if (verdict.faults.length > 0) process.exitCode = 1;
});

function linesOf(file: string): string[] {
  const lines = read(file).split('\n');
  // Every line ends with a newline; a file that ends without one may have been cut within its last line, which then is no record.
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

function readVotes(file: string): Known['votes'] {
  const text = read(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new OperatorError(`${file} is not JSON.`);
  }
  const votes = HubVotes.safeParse(value);
  if (votes.success) return votes.data;
  throw new OperatorError(`${file} holds no votes as the hub answers them: each needs id and metadata.`);
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? STDIN : pathOf(file), 'utf8');
  } catch (error) {
    throw new OperatorError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function told(verdict: Verdict, known: Known): string[] {
  const { records, voter, head, votes, relayers, restored, faults } = verdict;
  const [first] = faults;
  if (first !== undefined) {
    const shown = faults.slice(0, MOST_SHOWN).map((fault, at) => `${at === 0 ? '✗' : ' '} ${inWords(fault)}`);
    const rest = faults.length - shown.length;
    return [...shown, ...(rest > 0 ? [`  and ${rest} more`] : []), `  This audit chain does not verify.`];
  }
  if (voter === null) return ['✓ No record: nothing was voted, or nothing is sealed yet.'];
  return [
    `✓ ${records} records of ${voter} verify, the last one ${head}`,
    `  votes: ${votes.cast} cast, ${votes.voided} voided, ${votes.open} open; receipts by ${relayers.join(', ') || 'nobody'}`,
    ...restored.map(
      ({ seq, time, backup_at: backupAt }) =>
        `! Record ${seq}: on ${iso(time)} it was restored from a backup of ${iso(backupAt)}. What was told between is in its other branch.`,
    ),
    ...(known.keys.length === 0 ? ['! That this voter service sealed them is not shown: give --key.'] : []),
    ...(known.heads.length + known.votes.length === 0
      ? ['! That the end was not cut off is not shown: give --head or --votes.']
      : []),
  ];
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function inWords({ kind, seq, says }: AuditFault): string {
  switch (kind) {
    case 'changed':
      return `Record ${seq} was changed: ${says}.`;
    case 'dropped':
      return `Record ${seq} was dropped: ${says}.`;
    case 'added':
      return `Record ${seq} was added: ${says}.`;
    case 'reordered':
      return `Record ${seq} was moved: ${says}.`;
    case 'cut':
      return `From record ${seq} on the chain was cut off: ${says}.`;
    case 'forged':
      return `Record ${seq} is forged: ${says}.`;
    case 'inconsistent':
      return `Record ${seq} does not fit: ${says}.`;
  }
}
