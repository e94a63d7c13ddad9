import type { RunEvent, ToldEvent } from '@quorum/shared/run-events';
import type { RunStatus } from '@quorum/shared/run';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aProposalId, aSpace } from '../../../packages/shared/test/samples.ts';
import { END_ID, replayOf, type Replay } from './replay.ts';
import { BEGINNING } from './run-watch.ts';

const proposal_id = aProposalId();

/** A stream of a run: `accepted`, some steps, and the end if it has ended. */
const anyStream = fc.tuple(fc.nat(20), fc.boolean()).map(([steps, hasEnded]) => {
  const events: RunEvent[] = [
    { kind: 'accepted', space_id: aSpace(), dry_run: false },
    ...Array.from({ length: steps }, (): RunEvent => ({ kind: 'deciding', proposal_id })),
    ...(hasEnded ? [{ kind: 'finished', status: 'completed' } as const] : []),
  ];
  const state: RunStatus = hasEnded ? 'completed' : 'running';
  return { state, told: events.map((event, at): ToldEvent => ({ id: `1700000000000-${at}`, event })) };
});

const idsOf = (events: readonly ToldEvent[]): string[] => events.map(({ id }) => id);

function from(replay: Replay): Extract<Replay, { kind: 'from' }> {
  if (replay.kind === 'over') throw new Error('It is over');
  return replay;
}

test('a client that had any part of what is kept gets exactly the rest', () => {
  fc.assert(
    fc.property(anyStream, fc.nat(21), ({ state, told }, had) => {
      const at = had % told.length;
      const replay = replayOf({ state }, told, told[at]?.id ?? '');
      const rest = idsOf(told.slice(at + 1));
      if (state === 'completed' && rest.length === 0) {
        expect(replay).toEqual({ kind: 'over' });
        return;
      }
      const { snapshot, events, after } = from(replay);
      expect({ snapshot, ids: idsOf(events) }).toEqual({ snapshot: null, ids: rest });
      expect(after).toBe(state === 'completed' ? null : told.at(-1)?.id);
    }),
  );
});

test('a new client gets everything where everything is kept', () => {
  fc.assert(
    fc.property(anyStream, ({ state, told }) => {
      expect(from(replayOf({ state }, told, null))).toMatchObject({ snapshot: null, events: told });
    }),
  );
});

test('whatever was cut off, a client whose last event is gone gets a snapshot and, where there is one, the end', () => {
  fc.assert(
    fc.property(anyStream, fc.nat(22), fc.constantFrom(null, '1-1', 'x'), ({ state, told }, cut, lastId) => {
      const kept = told.slice(1 + (cut % told.length));
      const { snapshot, events, after } = from(replayOf({ state }, kept, lastId));
      if (state === 'running') {
        expect({ snapshot, events }).toEqual({ snapshot: { id: kept.at(-1)?.id ?? null }, events: [] });
        expect(after).toBe(kept.at(-1)?.id ?? BEGINNING);
      } else {
        expect(snapshot).toEqual({ id: null });
        expect(idsOf(events)).toEqual([kept.at(-1)?.id ?? END_ID]);
        expect(after).toBeNull();
      }
    }),
  );
});

test('the end of a run whose events are gone is told once', () => {
  const events = [{ id: END_ID, event: { kind: 'finished', status: 'failed' } }];
  expect(replayOf({ state: 'failed' }, [], '5-0')).toMatchObject({ kind: 'from', events, after: null });
  expect(replayOf({ state: 'failed' }, [], END_ID)).toEqual({ kind: 'over' });
});
