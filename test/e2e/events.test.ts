/** The events of a run, as whoever watches it from its first moment gets them. */
import { RunEvent } from '@quorum/shared/run-events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { watchRun } from '../../services/gateway/test/event-client.ts';
import { startStack, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, proposalId, SPACE, SURE, WANTED } from './world.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ world: openWorld(), space: SPACE, preferences: EVERYTHING, env: SURE });
  await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
});
afterAll(() => stack.stop());

/** Starts a run and gives back what was told of it until it ended. */
async function toldOf(dry_run: boolean): Promise<RunEvent[]> {
  const { run_id: runId, events_url: path } = await stack.post({ dry_run });
  expect(path).toBe(`/agent-run/${runId}/events`);
  const client = await watchRun(stack, runId);
  await client.over();
  return client.received().map(({ event: kind, data }) => RunEvent.parse({ ...data, kind }));
}

const PROPOSALS = [proposalId(0), proposalId(1)];

const of = (events: readonly RunEvent[], id: string): string[] =>
  events.flatMap((event) => ('proposal_id' in event && event.proposal_id === id ? [event.kind] : []));

const ofRun = (events: readonly RunEvent[]): RunEvent[] => events.filter((event) => !('proposal_id' in event));

test.each([
  ['a dry run', true, ['deciding', 'decided', 'simulated']],
  ['a run that votes', false, ['deciding', 'decided', 'reserved', 'sent', 'cast']],
])('of %s tell each step, once and in order', async (_what, dryRun, steps) => {
  const events = await toldOf(dryRun);
  for (const id of PROPOSALS) expect(of(events, id)).toEqual(steps);
  expect(ofRun(events)).toMatchObject([
    { kind: 'accepted', space_id: SPACE, dry_run: dryRun },
    { kind: 'started' },
    { kind: 'fetched', fetched: 2, selected: 2 },
    { kind: 'selected', dry_run: dryRun, proposals: PROPOSALS.map((proposal_id) => ({ proposal_id })) },
    { kind: 'finished', status: 'completed' },
  ]);
  expect(events.at(-1)?.kind).toBe('finished');
});
