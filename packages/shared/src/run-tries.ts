/** Tries that came to no record, such as a vote that was put off: when what was done, for who wants to see where a run's time went. */
import type { ProposalId } from '@quorum/snapshot/proposal';
import type { z } from 'zod';
import type { RunId } from './ids.ts';
import { DecideTimes, type Tried, VoteTimes } from './run-times.ts';
import type { WriteOnce } from './write-once.ts';

/** A part of the records. `pickup`: how often the job of the try had been taken. */
export function createTries(writeOnce: WriteOnce) {
  return {
    /** Keeps the times of a try of a decision. */
    async triedToDecide(runId: RunId, proposal: ProposalId, pickup: number, times: DecideTimes): Promise<void> {
      await writeOnce(runId, `tried:decide:${pickup}:${proposal}`, times, DecideTimes);
    },

    /** Keeps the times of a try of a vote. */
    async triedToVote(runId: RunId, proposal: ProposalId, pickup: number, times: VoteTimes): Promise<void> {
      await writeOnce(runId, `tried:vote:${pickup}:${proposal}`, times, VoteTimes);
    },
  };
}

/** The tries among the fields of a run, by proposal. */
export function parseTried(fields: Readonly<Record<string, string>>): ReadonlyMap<string, Tried> {
  const found = Object.entries(fields).flatMap(([name, text]) => {
    const [, kind, pickup, proposal] = /^tried:(decide|vote):(\d+):(.+)$/s.exec(name) ?? [];
    const times: unknown = proposal === undefined ? null : JSON.parse(text);
    return proposal === undefined ? [] : [{ kind, pickup: Number(pickup), proposal, times }];
  });
  const inOrder = found.toSorted((a, b) => a.pickup - b.pickup);
  return new Map(
    [...Map.groupBy(inOrder, ({ proposal }) => proposal)].map(([proposal, tries]) => {
      const of = <T>(kind: keyof Tried, schema: z.ZodType<T>): T[] =>
        tries.filter((one) => one.kind === kind).map(({ times }) => schema.parse(times));
      return [proposal, { decide: of('decide', DecideTimes), vote: of('vote', VoteTimes) }];
    }),
  );
}
