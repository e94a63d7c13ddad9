/**
 * Verifies an exported chain, offline: its links, the story that its records tell, and that it reaches as far as is known from
 * elsewhere. A chain whose end was cut off is whole in itself, so that needs something from outside: a hash that somebody noted,
 * or votes as Snapshot has them, each of which names the head of the chain when it was made.
 *
 * A chain that was restored from a backup goes on behind a record that says so, and votes that were made since the backup name
 * records that it has not. They are in the chain as it was before, its other branch: where that is given, and leaves this chain
 * before a record that tells of a restore, both together are held against what is known; and it must reach as far as that record says.
 */
import type { Address } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { followLinks, type AuditFault } from './audit-links.ts';
import { GENESIS, type AuditRecord } from './audit-record.ts';
import { fromJson, tellVotes, VoteClaims, type VoteStory } from './audit-votes.ts';

const HubVote = z.object({ id: z.string(), voter: z.string().optional(), metadata: z.unknown() });
type HubVote = z.infer<typeof HubVote>;
const List = z.array(HubVote);

/** Votes as the hub answers them: its whole answer, the part with the votes, or the list. */
export const HubVotes = z.union([
  List,
  z.object({ votes: List }).transform(({ votes }) => votes),
  z.object({ data: z.object({ votes: List }) }).transform(({ data }) => data.votes),
]);

/** What is known from elsewhere. */
export type Known = {
  /** Hashes of records that the chain had. */
  readonly heads: readonly string[];
  readonly votes: readonly HubVote[];
  /** Keys of the voter service, each of which may have sealed records; none where they are not at hand. */
  readonly keys: readonly Buffer[];
  /** Lines of chains as they were before this one was restored from a backup. */
  readonly branches?: readonly (readonly string[])[];
  /** Whose receipts count; undefined: those of whoever signed them. */
  readonly relayer?: Address | undefined;
};

type Restored = Extract<AuditRecord, { kind: 'restored' }>;

export type Verdict = {
  /** Of what is right; the records of a broken chain end before its first fault. */
  readonly records: number;
  readonly voter: Address | null;
  readonly head: string;
  readonly votes: Readonly<Record<Exclude<VoteStory['end'], 'counted'>, number>>;
  /** Who signed the receipts. */
  readonly relayers: readonly string[];
  /** Where the chain was put back to what a backup had. */
  readonly restored: readonly Restored[];
  /** In the order of the chain; none: it verifies. */
  readonly faults: readonly AuditFault[];
};

/** Verifies the lines of a chain. */
export function verifyAudit(lines: readonly string[], known: Known): Verdict {
  const { heads, votes, keys, relayer, branches = [] } = known;
  const links = followLinks(lines, keys);
  if (links.kind === 'broken') {
    return { ...summary(links.intact, tellVotes(links.intact).stories), faults: [links.fault] };
  }
  const { records } = links;
  const { stories, faults } = tellVotes(records, relayer);
  const others = branches.map((branch) => followBranch(branch, records, keys, relayer));
  const whole: Whole = {
    records,
    hashes: new Set([GENESIS, ...[records, ...others.map((other) => other.records)].flat().map(({ hash }) => hash)]),
    // What this chain says of a vote stands before what another branch does.
    stories: new Map([...others.map((other) => other.stories), stories].flatMap((told) => [...told])),
  };
  const ends = [
    ...others.flatMap((other) => other.faults),
    ...(others.length > 0 && others.every((other) => other.faults.length === 0) ? missingTails(whole) : []),
    ...missingHeads(whole, heads),
    ...missingVotes(whole, votes),
  ];
  return { ...summary(records, stories), faults: [...faults, ...ends] };
}

/** A chain and its other branches, as one. */
type Whole = {
  readonly records: readonly AuditRecord[];
  readonly hashes: ReadonlySet<string>;
  readonly stories: ReadonlyMap<string, VoteStory>;
};

type Branch = Pick<Whole, 'records' | 'stories'> & { readonly faults: readonly AuditFault[] };

/** A branch is a chain by itself; it must leave this one before a record that tells of a restore. */
function followBranch(
  lines: readonly string[],
  records: readonly AuditRecord[],
  keys: Known['keys'],
  relayer: Known['relayer'],
): Branch {
  const none = { records: [], stories: new Map<string, VoteStory>() };
  const links = followLinks(lines, keys);
  if (links.kind === 'broken') {
    return { ...none, faults: [{ ...links.fault, says: `${links.fault.says} (in the other branch)` }] };
  }
  const isCommon = (at: number): boolean => records[at] !== undefined && records[at].hash === links.records[at]?.hash;
  const fork = links.records.findIndex((_, at) => !isCommon(at));
  const { length } = links.records;
  const isExplained = fork !== -1 && records.slice(fork).some(({ kind }) => kind === 'restored');
  const isSame = records[0]?.voter === links.records[0]?.voter;
  if (!isSame || (fork !== -1 && !isExplained)) {
    const says = 'no record tells of a restore behind the place where the other branch leaves this chain';
    return { ...none, faults: [{ kind: 'inconsistent', seq: Math.min(fork + 1, length), says }] };
  }
  const { stories, faults } = tellVotes(links.records, relayer);
  const inBranch = faults.map((fault): AuditFault => ({ ...fault, says: `${fault.says} (in the other branch)` }));
  return { records: links.records, stories, faults: inBranch };
}

function summary(records: readonly AuditRecord[], stories: ReadonlyMap<string, VoteStory>): Omit<Verdict, 'faults'> {
  const count = (wanted: VoteStory['end']): number => [...stories.values()].filter(({ end }) => end === wanted).length;
  const relayers = records.flatMap((record) => (record.kind === 'accepted' ? [record.receipt.relayer.address] : []));
  return {
    records: records.length,
    voter: records[0]?.voter ?? null,
    head: records.at(-1)?.hash ?? GENESIS,
    votes: { cast: count('cast') + count('counted'), voided: count('voided'), open: count('open') },
    relayers: [...new Set(relayers)],
    restored: restoresOf(records),
  };
}

function restoresOf(records: readonly AuditRecord[]): Restored[] {
  return records.flatMap((record) => (record.kind === 'restored' ? [record] : []));
}

/** What is missing, and where a restore may be the reason; whether it is, only the other branch shows. */
function cut({ records }: Whole, says: string): AuditFault {
  const restored = restoresOf(records)[0];
  if (restored === undefined) return { kind: 'cut', seq: records.length + 1, says };
  const { seq } = restored;
  const why = `record ${seq} tells that the chain was restored from a backup there; give what it was before with --branch`;
  return { kind: 'cut', seq, says: `${says} (${why})` };
}

/** Where branches end before a restore says that they did: nothing else names what was cut off there. */
function missingTails({ records, hashes }: Whole): AuditFault[] {
  return restoresOf(records).flatMap(({ seq, lost_head: head }) => {
    if (head === null || hashes.has(head)) return [];
    const says = `the chain that record ${seq} replaced ended with the record with the hash ${head}, which no branch has`;
    return [{ kind: 'cut' as const, seq, says }];
  });
}

function missingHeads(whole: Whole, heads: readonly string[]): AuditFault[] {
  return heads.flatMap((head) =>
    whole.hashes.has(head) ? [] : [cut(whole, `the record with the hash ${head} is not here`)],
  );
}

/** What votes of ours that stand on Snapshot show to be missing. */
function missingVotes(whole: Whole, votes: readonly HubVote[]): AuditFault[] {
  const { records, hashes, stories } = whole;
  const voter = records[0]?.voter;
  return votes.flatMap(({ id, voter: by, metadata }) => {
    const claims = VoteClaims.safeParse(fromJson(metadata));
    if (!claims.success || (by !== undefined && voter !== undefined && by !== voter)) return [];
    const { audit_head: head } = claims.data;
    if (!hashes.has(head)) return [cut(whole, `vote ${id} names the record with the hash ${head}, which is not here`)];
    const story = stories.get(id);
    if (story === undefined) return [cut(whole, `vote ${id} stands on Snapshot, and no record tells of it`)];
    if (story.end !== 'voided') return [];
    return [
      {
        kind: 'inconsistent',
        seq: story.reserved.seq,
        says: `vote ${id} is said to be voided, and stands on Snapshot`,
      },
    ];
  });
}
