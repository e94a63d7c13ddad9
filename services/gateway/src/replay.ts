/**
 * Where a client that watches a run begins: what it has missed, or, where that cannot be told event by event any more, a snapshot
 * of the run and what follows it.
 *
 *   no Last-Event-ID                   all events from `accepted` on; a snapshot where the first ones are kept no more
 *   the id of an event that is kept    those after it
 *   any other                          a snapshot
 *   the id of the end                  nothing: there is nothing to come
 */
import type { ToldEvent } from '@quorum/shared/run-events';
import type { RunRecord } from '@quorum/shared/records';
import { BEGINNING } from './run-watch.ts';

/** The id of the end of a run whose events are kept no more. */
export const END_ID = 'end';

export type Replay =
  | { readonly kind: 'over' }
  | {
      readonly kind: 'from';
      /** Whether the run itself is to be shown first, and the id up to which that tells everything; null: that has none. */
      readonly snapshot: { readonly id: string | null } | null;
      readonly events: readonly ToldEvent[];
      /** The id after which it goes on; null: the run has ended. */
      readonly after: string | null;
    };

/** What to send first to a client that was last told the event of this id. `events` and `run` are of one moment. */
export function replayOf(run: Pick<RunRecord, 'state'>, events: readonly ToldEvent[], lastId: string | null): Replay {
  const isOpen = run.state === 'queued' || run.state === 'running';
  const told = isOpen ? events : withEnd(run, events);
  const at = lastId === null ? -1 : told.findIndex(({ id }) => id === lastId);
  if (!isOpen && at === told.length - 1) return { kind: 'over' };

  const after = isOpen ? (told.at(-1)?.id ?? BEGINNING) : null;
  const isWhole = lastId === null && told[0]?.event.kind === 'accepted';
  if (isWhole || at !== -1) return { kind: 'from', snapshot: null, events: told.slice(at + 1), after };
  // The end is told as an event in any case; a client that loses the line before it must not be taken to know of it.
  if (isOpen) return { kind: 'from', snapshot: { id: told.at(-1)?.id ?? null }, events: [], after };
  return { kind: 'from', snapshot: { id: null }, events: told.slice(-1), after };
}

function withEnd({ state: status }: Pick<RunRecord, 'state'>, events: readonly ToldEvent[]): readonly ToldEvent[] {
  if (events.at(-1)?.event.kind === 'finished') return events;
  return [...events, { id: END_ID, event: { kind: 'finished', status } }];
}
