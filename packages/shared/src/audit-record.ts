/**
 * Sealed audit records: the chain of a voter. Each record names the one before it by its hash, so that none can be altered, left
 * out, put in or moved without all that follow being made anew; and it carries a code under the voter service's key, so that
 * nobody else can do that. A record is one line of canonical JSON: the export, the chain in Redis and what is hashed are one text.
 *
 *   hash   SHA-256 of the canonical JSON of all fields but itself; `prev` is the hash of the record before, GENESIS for the first
 *   mac    HMAC-SHA-256 of all fields but itself and `hash`
 *
 * An entry that was altered before it was sealed is not left out: it is sealed as `refused`, as it was found.
 */
import { Ballot } from '@quorum/snapshot/ballot';
import { SignedMessage } from '@quorum/snapshot/envelope';
import { Address, ProposalId } from '@quorum/snapshot/proposal';
import { Receipt } from '@quorum/snapshot/receipt';
import { z } from 'zod';
import { Nonce, Sha256, VoteId } from './audit-entry.ts';
import { canonicalJson, hashOf, macIsGood, macOf } from './canonical.ts';
import { RunId } from './ids.ts';
import { Counted } from './outcome.ts';

const PURPOSE = 'quorum audit record v1';

/** What the first record of a chain has before it. */
export const GENESIS = '0'.repeat(64);

const place = {
  seq: z.int().min(1).describe('Place in the chain, from 1'),
  prev: Sha256.describe('Hash of the record before'),
  voter: Address,
  source: z.string().describe('Id of the entry in Redis that it was sealed from'),
  sealed_at: z.int().describe('Unix milliseconds'),
};
const codes = { mac: Sha256, hash: Sha256 };
const about = {
  time: z.int().describe('Unix milliseconds'),
  nonce: Nonce.optional().describe('Of the entry that it was sealed from, which alone has it'),
  run: RunId,
  proposal: ProposalId,
  vote: VoteId.describe("The vote's id: the EIP-712 hash of its message"),
};

const Reserved = z.strictObject({
  kind: z.literal('reserved'),
  ...about,
  evidence: Sha256.describe('What the decision rests on'),
  message: SignedMessage.describe('What was signed'),
  ballot: Ballot.describe('What its choice encodes'),
});
const Sending = z.strictObject({
  kind: z.literal('sending'),
  ...about,
  envelope: Sha256.describe('SHA-256 of the canonical JSON of what was sent'),
});
const Accepted = z.strictObject({
  kind: z.literal('accepted'),
  ...about,
  signer: Address.describe('Who signed: the voter or its alias'),
  signature: z.string(),
  receipt: Receipt,
});
const Cast = z.strictObject({ kind: z.literal('cast'), ...about, receipt: Receipt.nullable() });
const Voided = z.strictObject({ kind: z.literal('voided'), ...about, why: z.string() });
const Adopted = z.strictObject({
  kind: z.literal('adopted'),
  ...about,
  message: SignedMessage.describe('What was signed'),
  ballot: Ballot.describe('What its choice encodes'),
});
const CountedAs = z.strictObject({ kind: z.literal('counted'), ...about, counted: Counted.exclude(['unknown']) });
const Restored = z.strictObject({
  kind: z.literal('restored'),
  time: about.time,
  nonce: about.nonce,
  backup_at: z.int().describe('When the backup was made, Unix milliseconds'),
  lost_head: Sha256.nullable().describe(
    'The last record of the chain that was replaced; null: there was none, or nobody knows',
  ),
});
const Refused = z.strictObject({
  kind: z.literal('refused'),
  entry: z.record(z.string(), z.string()).describe('What was found in place of an entry of ours'),
  why: z.string(),
});

/** What a record tells, without its place in a chain. */
export const AuditFact = z.discriminatedUnion('kind', [
  Reserved,
  Sending,
  Accepted,
  Cast,
  Voided,
  Adopted,
  CountedAs,
  Restored,
  Refused,
]);
export type AuditFact = z.infer<typeof AuditFact>;

const chained = <T extends z.ZodRawShape>(fact: z.ZodObject<T>) =>
  z.strictObject({ ...place, ...codes, ...fact.shape });

/** A sealed record. */
export const AuditRecord = z.discriminatedUnion('kind', [
  chained(Reserved),
  chained(Sending),
  chained(Accepted),
  chained(Cast),
  chained(Voided),
  chained(Adopted),
  chained(CountedAs),
  chained(Restored),
  chained(Refused),
]);
export type AuditRecord = z.infer<typeof AuditRecord>;

/** Where a record stands. */
export type Place = {
  readonly seq: number;
  readonly prev: string;
  readonly voter: Address;
  readonly source: string;
  readonly sealed_at: number;
};

/** A fact as a record of the chain. Throws where the fact is none. */
export function sealRecord(fact: AuditFact, where: Place, key: Buffer): AuditRecord {
  const body = { ...AuditFact.parse(fact), ...where };
  const mac = macOf(PURPOSE, body, key);
  return AuditRecord.parse({ ...body, mac, hash: hashOf({ ...body, mac }) });
}

/** The line of a record. */
export const lineOf = (record: AuditRecord): string => canonicalJson(record);

/** The record of a line; null where it is none, or is spelt otherwise than we do. */
export function readRecord(line: string): AuditRecord | null {
  try {
    const parsed = AuditRecord.safeParse(JSON.parse(line));
    return parsed.success && canonicalJson(parsed.data) === line ? parsed.data : null;
  } catch (error) {
    // No JSON, or text without a canonical form.
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}

/** The hash that a record should have. */
export function hashOfRecord({ hash: _hash, ...rest }: AuditRecord): string {
  return hashOf(rest);
}

/** Whether the voter service sealed this record, and it is as it was sealed. */
export function isOurRecord(record: AuditRecord, key: Buffer): boolean {
  const { hash, mac, ...body } = record;
  return hash === hashOf({ ...body, mac }) && macIsGood(PURPOSE, body, key, mac);
}
