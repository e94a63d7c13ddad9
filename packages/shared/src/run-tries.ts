/** Tries that came to no record, such as a vote that was put off: when what was done, for who wants to see where a run's time went. */
import type { ProposalId } from '@quorum/snapshot/proposal';
import type { z } from 'zod';
import type { RunId } from './ids.ts';
import { DecideTimes, type Tried, VoteTimes } from './run-times.ts';
import type { WriteOnce } from './write-once.ts';

/**
 * In place of how often its job had been taken: a try that got nowhere, since others hold the budget or the allowance is used up. There
 * may be hundreds of them; the first says since when it is somebody else who is waited for. Which pick-up that was nobody knows before:
 * one that a worker handed back counts too.
 */
const GOT_NOWHERE = 0;

/** A part of the records. `pickup`: how often the job of the try had been taken. */
export function createTries(writeOnce: WriteOnce) {
  return {
    /** Keeps the times of a try of a decision; of those that asked no model, of the first. */
    async triedToDecide(runId: RunId, proposal: ProposalId, pickup: number, times: DecideTimes): Promise<void> {
      const nth = times.asks.length === 0 ? GOT_NOWHERE : pickup;
      await writeOnce(runId, `tried:decide:${nth}:${proposal}`, times, DecideTimes);
    },

    /** Keeps the times of a try of a vote; of those that reserved nothing, of the first. */
    async triedToVote(runId: RunId, proposal: ProposalId, pickup: number, times: VoteTimes): Promise<void> {
      const nth = times.reserved === undefined ? GOT_NOWHERE : pickup;
      await writeOnce(runId, `tried:vote:${nth}:${proposal}`, times, VoteTimes);
    },
  };
}

/** The tries among the fields of a run, by proposal, in the order in which they began. */
export function parseTried(fields: Readonly<Record<string, string>>): ReadonlyMap<string, Tried> {
  const found = Object.entries(fields).flatMap(([name, text]) => {
    const [, kind, pickup, proposal] = /^tried:(decide|vote):(\d+):(.+)$/s.exec(name) ?? [];
    const times: unknown = proposal === undefined ? null : JSON.parse(text);
    return proposal === undefined ? [] : [{ kind, pickup: Number(pickup), proposal, times }];
  });
  const inOrder = found.toSorted((a, b) => a.pickup - b.pickup);
  return new Map(
    [...Map.groupBy(inOrder, ({ proposal }) => proposal)].map(([proposal, tries]) => {
      const of = <T extends { readonly began: number }>(kind: keyof Tried, schema: z.ZodType<T>): T[] => {
        const own = tries.filter((one) => one.kind === kind).map(({ times }) => schema.parse(times));
        return own.toSorted((a, b) => a.began - b.began);
      };
      return [proposal, { decide: of('decide', DecideTimes), vote: of('vote', VoteTimes) }];
    }),
  );
}
