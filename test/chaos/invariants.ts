/**
 * What must be true whatever happened, of an account of a round that nobody in the product wrote: what the API answered, what the
 * sandbox stored, what this harness did itself. Each law returns what breaks it, in words; none: it holds.
 */
import type { HoldView } from '@quorum/shared/hold-view';
import type { AgentRunView } from '@quorum/shared/run';
import { type Ballot, sameBallot } from '@quorum/snapshot/ballot';
import type { Levels } from './levels.ts';

/** A vote that the sequencer stored, first to last. */
export type Stored = {
  readonly id: string;
  readonly proposal: string;
  readonly by: 'agent' | 'hand';
  /** Unix milliseconds of this machine. */
  readonly at_ms: number;
};

/** The vote that stands on the hub. */
export type Standing = {
  readonly id: string;
  readonly proposal: string;
  readonly by: 'agent' | 'hand';
  readonly ballot: Ballot;
};

export type Account = {
  /** The ids that a 202 named. */
  readonly accepted: readonly { readonly run_id: string; readonly dry_run: boolean }[];
  /** Every run that there is, those that started by themselves too. */
  readonly runs: readonly AgentRunView[];
  readonly holds: readonly HoldView[];
  readonly stored: readonly Stored[];
  readonly standing: readonly Standing[];
  readonly ends: ReadonlyMap<string, number>;
  /** From when a pause was answered until its end was asked for, Unix milliseconds. */
  readonly pauses: readonly { readonly from_ms: number; readonly to_ms: number }[];
  /** What `verifyAudit` finds wrong. */
  readonly audit: readonly string[];
  /** What is left in Redis of runs that have ended. */
  readonly leftovers: readonly string[];
  /** The names of secrets that were found in Redis or in a log. */
  readonly exposed: readonly string[];
  /** Before the first round, and now. */
  readonly levels: { readonly before: Levels; readonly now: Levels };
};

/**
 * A heap that nobody collected yet (what is held over thousands of runs, `npm run test:load` measures), and connections that the seven
 * processes open when they first need them, three each: what is more than that piles up. Several rounds of a seed have the room of one.
 */
const MORE = { clients: 21, open_files: 20, memory_mb: 250 } as const;
/** See `redis-keys.ts`: the rest of what is kept ends by itself, or with what it is about. */
const FOREVER: readonly string[] = [
  'api-keys',
  'appointments',
  'audit',
  'deliveries',
  'heartbeats',
  'holds',
  'ledger',
  'mode',
  'open-holds',
  'open-runs',
  'preferences',
  'preferences-last-good',
  'preferences-version',
  'signers',
  'standing-hold',
  'undelivered',
  'voter-owners',
  'voting',
  'watches',
  'webhooks',
];

/** Pausing stops sending within a second; a send that had leave by then may take another to arrive. */
const PAUSE_MS = 2_000;

type Law = (account: Account) => readonly string[];

const isOver = ({ status }: AgentRunView): boolean => !['queued', 'running'].includes(status);

export const LAWS = {
  'no accepted run is lost': ({ accepted, runs }) =>
    accepted.flatMap(({ run_id: id }) => (runs.some((run) => run.run_id === id) ? [] : [`${id} is unknown`])),

  'every run ends': ({ runs }) => runs.flatMap((run) => (isOver(run) ? [] : [`${run.run_id} is ${run.status}`])),

  'every proposal of a run has one outcome': ({ runs }) =>
    runs.flatMap(({ run_id: run, proposals, result }) => {
      const odd = proposals.flatMap(({ proposal_id: id, outcome }) =>
        outcome === null ? [`${run} ${id} has none`] : [],
      );
      const twice = proposals.length - new Set(proposals.map(({ proposal_id: id }) => id)).size;
      const { fetched, ranked: _ranked, ...counts } = result?.filter_metrics ?? { fetched: 0, ranked: [] };
      const sum = Object.values(counts).reduce((all, count) => all + count, 0);
      return [
        ...odd,
        ...(twice > 0 ? [`${run} has a proposal twice`] : []),
        ...(sum === fetched ? [] : [`${run} fetched ${fetched} and counts ${sum}`]),
      ];
    }),

  'one vote of ours on a proposal': ({ stored }) => {
    const counts = new Map<string, number>();
    for (const { by, proposal } of stored) {
      if (by === 'agent') counts.set(proposal, (counts.get(proposal) ?? 0) + 1);
    }
    return [...counts].flatMap(([id, count]) => (count > 1 ? [`${count} on ${id}`] : []));
  },

  'a vote that stands says what was decided': ({ standing, runs, holds }) =>
    standing.flatMap(({ by, id, proposal, ballot }) => {
      if (by === 'hand') return [];
      const decided = runs.flatMap(({ result }) =>
        (result?.decisions ?? []).filter((each) => each.proposal_id === proposal && each.ballot !== null),
      );
      const answered = holds.filter((hold) => hold.proposal_id === proposal && hold.state === 'cast');
      const wanted = [
        ...decided.flatMap((each) => (each.ballot === null || each.receipt?.id !== id ? [] : [each.ballot])),
        ...answered.flatMap(({ answer, ballot: own }) => answer?.ballot ?? own ?? []),
      ];
      // Without a receipt (its answer was lost) the vote is that of any decision that says it was cast.
      const cast = decided.flatMap((each) =>
        each.ballot !== null && (each.outcome.kind === 'cast' || each.settled_later !== undefined) ? [each.ballot] : [],
      );
      const all = wanted.length > 0 ? wanted : cast;
      return all.some((each) => sameBallot(each, ballot)) ? [] : [`${id} on ${proposal} is none that was decided`];
    }),

  'what is called cast was stored': ({ runs, stored }) =>
    runs.flatMap(({ result }) =>
      (result?.votes_cast ?? []).flatMap(({ proposal_id: proposal }) =>
        stored.some((vote) => vote.by === 'agent' && vote.proposal === proposal) ? [] : [`nothing on ${proposal}`],
      ),
    ),

  'a dry run casts nothing': ({ runs }) =>
    runs.flatMap(({ dry_run: dry, run_id: run, result }) => {
      const cast = (result?.decisions ?? []).filter(({ outcome }) => outcome.kind === 'cast').length;
      return dry && (cast > 0 || (result?.votes_cast.length ?? 0) > 0) ? [`${run} cast ${cast}`] : [];
    }),

  'the vote of an owner stands': ({ stored, standing }) =>
    standing.flatMap(({ by, proposal }) =>
      by === 'agent' && stored.some((vote) => vote.by === 'hand' && vote.proposal === proposal)
        ? [`ours stands on ${proposal}`]
        : [],
    ),

  'nothing is stored after the end': ({ stored, ends }) =>
    stored.flatMap(({ id, proposal, at_ms: at }) =>
      at > (ends.get(proposal) ?? Infinity) * 1_000 ? [`${id} on ${proposal}`] : [],
    ),

  'nothing is sent while voting is paused': ({ stored, pauses }) =>
    stored.flatMap(({ by, id, at_ms: at }) =>
      by === 'agent' && pauses.some(({ from_ms: from, to_ms: to }) => at > from + PAUSE_MS && at < to)
        ? [`${id} was stored`]
        : [],
    ),

  'the audit chain is whole': ({ audit }) => audit,
  'nothing half done is left': ({ leftovers }) => leftovers,
  'no secret is exposed': ({ exposed }) => exposed,

  'nothing piles up': ({ levels: { before, now } }) => [
    ...(['clients', 'open_files', 'memory_mb'] as const).flatMap((level) =>
      now[level] > before[level] + MORE[level] ? [`${level}: ${before[level]}, now ${now[level]}`] : [],
    ),
    ...now.forever.filter((kind) => !FOREVER.includes(kind)).map((kind) => `${kind} is kept for ever`),
  ],
} as const satisfies Record<string, Law>;

export type Broken = { readonly law: keyof typeof LAWS; readonly what: string };

/** What is broken, by law; none: all hold. */
export function brokenLaws(account: Account): Broken[] {
  return lawNames().flatMap((law) => LAWS[law](account).map((what) => ({ law, what })));
}

export function lawNames(): (keyof typeof LAWS)[] {
  return Object.keys(LAWS).filter((name): name is keyof typeof LAWS => Object.hasOwn(LAWS, name));
}
