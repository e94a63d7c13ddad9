/** What the ledger keeps of a vote. */
import { Receipt } from '@quorum/snapshot/receipt';
import { z } from 'zod';
import { RunId } from './ids.ts';
import { Counted } from './outcome.ts';

/** One entry per (voter, space, proposal): the truth about our vote there. */
export const LedgerEntry = z.object({
  state: z.enum(['reserved', 'cast', 'voided']),
  run_id: RunId,
  vote_id: z.string(),
  intent: z.string().describe('What the voter service needs to send the same bytes again'),
  created: z.coerce.number().int().describe("The signed message's timestamp, Unix seconds"),
  reserved_at: z.coerce.number().int().describe('Unix milliseconds'),
  sends: z.coerce.number().int().default(0).describe('How often it was sent so far'),
  sent_at: z.coerce
    .number()
    .int()
    .optional()
    .describe('While it is reserved: when it was first sent, Unix milliseconds'),
  sent_before: z
    .literal('1')
    .transform(() => true)
    .optional()
    .describe('One that was made before it was sent and voided. It may arrive yet'),
  receipt: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(Receipt)
    .optional(),
  why: z.string().optional(),
  preferences_version: z.string().default('').describe('Of the preferences that it was decided under'),
  replaces: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.object({ vote_id: z.string(), intent: z.string() }))
    .optional()
    .describe('Our own vote that stands until this one does'),
  voided_intent: z.string().optional().describe('The last revision that came to nothing; the next is dated after it'),
  voided_vote: z
    .string()
    .optional()
    .describe('Where that revision, or one before it, was sent: its id. It may arrive yet'),
  voided_run: RunId.optional().describe('And the run that made it'),
  counted: Counted.optional().describe('Of a secret vote, once its choice was revealed'),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;
