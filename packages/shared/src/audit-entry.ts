/**
 * Entries of a voter's audit stream: what the transitions of a vote write in the same step as what they tell of, until they are
 * sealed into the chain (`audit-record.ts`). Each carries a code under the voter service's key, made before the step: whoever can
 * write to Redis alone can neither make one nor alter one unseen. Nor can they put one in again: each has a nonce of its own under
 * its code, and whoever verifies the chain sees it twice.
 *
 *   reserved   the message that is to be signed and the ballot that it encodes, as the intent of the ledger has them
 *   sending    leave was given to send this envelope, named by its hash
 *   accepted   the sequencer took it: its receipt, and the signature that the receipt vouches for
 *   cast       it was read back from the hub
 *   voided     it will not be sent (any more), and why
 *   adopted    it stands on the hub, and the ledger did not know it or had voided it; what is known of it, as in `reserved`
 *   counted    of a secret vote, after its reveal: whether it counted as it was cast
 *   restored   of no vote: Redis was put back to what a backup has, and what was told since is not there any more
 */
import { randomBytes } from 'node:crypto';
import { Address, ProposalId } from '@quorum/snapshot/proposal';
import { Receipt } from '@quorum/snapshot/receipt';
import { z } from 'zod';
import { macIsGood, macOf } from './canonical.ts';
import { RunId } from './ids.ts';
import { Counted } from './outcome.ts';

const PURPOSE = 'quorum audit entry v1';

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const VoteId = z.string().regex(/^0x[0-9a-f]{64}$/);
/** Random. Entries that were written before there were nonces have none. */
export const Nonce = z.string().regex(/^[0-9a-f]{16}$/);
const NONCE_BYTES = 8;

const ReceiptText = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'is not JSON' });
      return z.NEVER;
    }
  })
  .pipe(Receipt);

const about = {
  time: z.string().regex(/^\d+$/).transform(Number).describe('Unix milliseconds'),
  nonce: Nonce.optional(),
  run: RunId,
  proposal: ProposalId,
  vote: VoteId,
};

/** An entry as it comes from Redis, without its code. */
export const AuditEntry = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('reserved'), ...about, evidence: Sha256, intent: z.string() }),
  z.strictObject({ kind: z.literal('sending'), ...about, envelope: Sha256 }),
  z.strictObject({
    kind: z.literal('accepted'),
    ...about,
    signer: Address,
    signature: z.string(),
    receipt: ReceiptText,
  }),
  z.strictObject({ kind: z.literal('cast'), ...about, receipt: ReceiptText.optional() }),
  z.strictObject({ kind: z.literal('voided'), ...about, why: z.string() }),
  z.strictObject({ kind: z.literal('adopted'), ...about, intent: z.string() }),
  z.strictObject({ kind: z.literal('counted'), ...about, counted: Counted.exclude(['unknown']) }),
  z.strictObject({
    kind: z.literal('restored'),
    time: about.time,
    nonce: about.nonce,
    backup_at: about.time,
    lost_head: z.union([Sha256, z.literal('')]).describe('Of the chain that was replaced; empty: nobody knows'),
  }),
]);
export type AuditEntry = z.infer<typeof AuditEntry>;

/** The fields of an entry, by name and as text. */
export type EntryFields = Readonly<Record<string, string>>;

/** Names and values of an entry as Redis takes them, its nonce and its code behind them; without a key there is neither. */
export function entryArgs(voter: Address, given: EntryFields, key: Buffer | null): string[] {
  // A refusal's reason is a server's text. Half a surrogate pair has no code, and comes back from Redis as another character.
  const told = Object.fromEntries(Object.entries(given).map(([name, text]) => [name, text.toWellFormed()]));
  if (key === null) return Object.entries(told).flat();
  const entry = { ...told, nonce: randomBytes(NONCE_BYTES).toString('hex') };
  return Object.entries({ ...entry, mac: macOf(PURPOSE, { voter, ...entry }, key) }).flat();
}

/** Whether the voter service made these fields for this voter. */
export function isOurEntry(voter: Address, { mac = '', ...entry }: EntryFields, key: Buffer): boolean {
  try {
    return macIsGood(PURPOSE, { voter, ...entry }, key, mac);
  } catch (error) {
    // Text that has no canonical form was not written by us.
    if (error instanceof TypeError) return false;
    throw error;
  }
}
