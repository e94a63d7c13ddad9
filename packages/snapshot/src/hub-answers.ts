/**
 * What the hub's answers must look like, field by field. The hub's own names and gaps (null lists, null texts, a numeric
 * `snapshot`) end here: everything behind this file sees the terms of this package.
 */
import { z } from 'zod';
import { printable } from './printable.ts';
import { Address, Proposal, type ProposalId, SpaceId, Strategy } from './proposal.ts';

const textOrEmpty = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
const numberOrZero = z
  .number()
  .nullish()
  .transform((value) => value ?? 0);
const strategies = z
  .array(Strategy)
  .nullish()
  .transform((value) => value ?? []);
const UnixSeconds = z.int().nonnegative();

/** The addresses among what a list may hold: one odd entry must not make a whole space unreadable. */
const addresses = z
  .array(z.unknown())
  .nullish()
  .transform((rows) =>
    (rows ?? []).flatMap((row) => {
      const address = Address.safeParse(row);
      return address.success ? [address.data] : [];
    }),
  );

/** A space, as far as Quorum needs it. */
export const Space = z.object({
  id: SpaceId,
  name: textOrEmpty.describe('Name for people; not to be trusted'),
  network: textOrEmpty.describe('Chain id, as a string'),
  symbol: textOrEmpty.describe('Symbol of its token'),
  admins: addresses.describe('Who may change the space'),
  moderators: addresses.describe('Who may hide proposals'),
  members: addresses.describe('Who may propose without further conditions'),
  strategies: strategies.describe('How the space computes voting power for new proposals'),
  flagged: z.boolean().nullish().transform(Boolean).describe('True where Snapshot flags it as spam or a scam'),
  verified: z.boolean().nullish().transform(Boolean).describe('True where Snapshot has verified it'),
});
export type Space = z.infer<typeof Space>;

/** A vote that the hub knows. */
export const HubVote = z.object({
  id: z.string().min(1).describe('Id of the vote that counts; an earlier one by the same voter is forgotten'),
  voter: Address,
  proposal: z.object({ id: z.string() }).transform(({ id }) => id),
  created: UnixSeconds.describe("The message's own timestamp, Unix seconds"),
  choice: z.unknown().describe('As stored; see `decodeChoice`'),
  reason: textOrEmpty,
  app: textOrEmpty,
  // Other clients store what they like here; what is no object carries nothing that we look for.
  metadata: z.record(z.string(), z.unknown()).catch({}),
  vp: numberOrZero.describe('Voting power of the voter'),
  ipfs: textOrEmpty,
});
export type HubVote = z.infer<typeof HubVote>;

/** A vote as far as a list of all of a voter's votes tells. */
const SpaceVote = z.object({
  id: z.string().min(1),
  voter: Address,
  space: z.object({ id: z.string() }).transform(({ id }) => id),
  proposal: z.object({ id: z.string() }).transform(({ id }) => id),
  created: UnixSeconds,
});
export type SpaceVote = z.infer<typeof SpaceVote>;

/** A row of the hub's `Proposal`, turned into ours. */
const ProposalRow = z
  .object({
    id: z.unknown(),
    space: z.object({ id: z.unknown() }),
    author: z.unknown(),
    network: z.unknown(),
    type: z.unknown(),
    privacy: textOrEmpty,
    title: textOrEmpty,
    body: textOrEmpty,
    discussion: textOrEmpty,
    choices: z.unknown(),
    plugins: z
      .record(z.string(), z.unknown())
      .nullish()
      .transform((value) => value ?? {}),
    strategies,
    snapshot: z
      .union([z.string(), z.number()])
      .nullish()
      .transform((value) => String(value ?? '')),
    created: z.unknown(),
    start: z.unknown(),
    end: z.unknown(),
    state: z.unknown(),
    quorum: numberOrZero,
    quorumType: z
      .string()
      .nullish()
      .transform((value) => value || 'default'),
    scores: z
      .array(z.number())
      .nullish()
      .transform((value) => value ?? []),
    scores_total: numberOrZero,
    scores_state: textOrEmpty,
    votes: numberOrZero,
    flagged: z.boolean().nullish().transform(Boolean),
    link: textOrEmpty,
  })
  .transform(({ space, quorumType, ...row }) => ({ ...row, space: space.id, quorum_type: quorumType }))
  .pipe(Proposal);

/** A proposal of the hub that cannot be worked with, and why, in printable text. */
export interface OddProposal {
  readonly id: string;
  readonly why: string;
}

export type ReadProposal = { readonly ok: true; readonly proposal: Proposal } | ({ readonly ok: false } & OddProposal);

/** One row of `proposal` or `proposals`, checked. */
export function readProposal(row: unknown): ReadProposal {
  const why = unfit(row);
  if (why !== null) return { ok: false, id: idOf(row), why };
  const parsed = ProposalRow.safeParse(row);
  return parsed.success
    ? { ok: true, proposal: parsed.data }
    : { ok: false, id: idOf(row), why: issuesOf(parsed.error) };
}

const MAX_DEPTH = 100;

/**
 * Why a value cannot be stored, hashed and shown like any other: half of a surrogate pair (canonical JSON has none), or a
 * nesting so deep that a recursive reader's stack ends (a hostile `plugins` object). Null where it can.
 */
function unfit(value: unknown): string | null {
  // A stack of its own: recursion here would fail on just the values that it is to find.
  const pending: [unknown, number][] = [[value, 0]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [part, depth] = next;
    if (typeof part === 'string' && !part.isWellFormed()) return 'holds text that is not well-formed Unicode';
    if (typeof part !== 'object' || part === null) continue;
    if (depth >= MAX_DEPTH) return 'is nested too deeply';
    for (const [key, child] of Object.entries(part)) {
      if (!key.isWellFormed()) return 'holds text that is not well-formed Unicode';
      pending.push([child, depth + 1]);
    }
  }
  return null;
}

function idOf(row: unknown): string {
  const id = typeof row === 'object' && row !== null ? Reflect.get(row, 'id') : undefined;
  return typeof id === 'string' ? printable(id, 100) : '(no id)';
}

/** What a zod error complains of, on one line: `type: Invalid option…; choices.2: …`. */
export function issuesOf(error: z.ZodError): string {
  return printable(error.issues.map(({ path, message }) => `${path.join('.') || 'answer'}: ${message}`).join('; '));
}

/** The whole answers, by query; rows that must be looked at one by one stay unknown. */
export const SpaceAnswer = z.object({ space: Space.nullable() });
export const ProposalAnswer = z.object({ proposal: z.unknown() });
export const ProposalsAnswer = z.object({ proposals: z.array(z.unknown()) });
export const VotesAnswer = z.object({ votes: z.array(HubVote) });
export const SpaceVotesAnswer = z.object({ votes: z.array(SpaceVote) });
export const VotingPowerAnswer = z.object({ vp: z.object({ vp: z.number().nonnegative() }) });
export const AliasesAnswer = z.object({
  aliases: z.array(z.object({ address: Address, alias: Address, created: UnixSeconds })),
});

export const StrategiesAnswer = z.object({
  strategies: z.array(z.object({ id: z.string(), override: z.boolean().nullish().transform(Boolean) })),
});

const Role = z.object({
  space: z.string().describe('Id of the space; text from outside'),
  permissions: z.array(z.string()).describe('admin, moderator, author'),
});
export type Role = z.infer<typeof Role>;
export const RolesAnswer = z.object({ roles: z.array(Role) });

export const PingAnswer = z.object({ proposal: z.null() });

/** When a row says that it was created, for paging; undefined where it does not say. */
export function createdOf(row: unknown): number | undefined {
  const parsed = z.object({ created: UnixSeconds }).safeParse(row);
  return parsed.success ? parsed.data.created : undefined;
}

/** Whether a vote answers a question for these proposals. */
export function isAmong(vote: HubVote, proposals: readonly ProposalId[]): boolean {
  return proposals.some((id) => id === vote.proposal);
}
