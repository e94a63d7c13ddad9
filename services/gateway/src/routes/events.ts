/**
 * `GET /agent-run/:id/events`: the steps of a run as server-sent events, from the first or from where a client lost the line, until
 * the run ends. Once a client knows of the end it is answered 204, which is how an EventSource is told not to come again.
 */
import { NotFoundError } from '@quorum/shared/errors';
import type { ToldEvent } from '@quorum/shared/run-events';
import type { RunRecord } from '@quorum/shared/records';
import { Router } from 'express';
import { maySee } from '../access.ts';
import { WATCH_RUN } from '../api/runs.ts';
import { serveOn } from '../api/serve.ts';
import { askRedis } from '../ask-redis.ts';
import type { EventStreams, Message } from '../event-streams.ts';
import { Refusal } from '../problem.ts';
import { replayOf } from '../replay.ts';
import type { RunWatch } from '../run-watch.ts';
import { viewOf } from '../view.ts';
import { readHolds, type AgentRunDeps } from './agent-run.ts';

const RETRY_AFTER_S = 10;

export type EventsDeps = Pick<AgentRunDeps, 'access' | 'records' | 'limitMs'> & {
  readonly runWatch: RunWatch;
  readonly eventStreams: EventStreams;
};

export function eventsRoutes({ access, records, limitMs, runWatch, eventStreams }: EventsDeps): Router {
  const router = Router();

  serveOn(router, access)(WATCH_RUN, async ({ request, response, caller: callerOf, params, headers, answer }) => {
    const { run, replay, view } = await askRedis(limitMs(), async () => {
      const caller = await callerOf();
      const found = await records.runAndEvents(params().id);
      if (found === null || !maySee(caller, found.run.owner)) throw new NotFoundError('run');
      const planned = replayOf(found.run, found.events, headers()['Last-Event-ID'] || null);
      const isShown = planned.kind === 'from' && planned.snapshot !== null;
      const holds = isShown ? await readHolds({ records }, found.run) : [];
      return { run: found.run, replay: planned, view: isShown ? viewOf(found.run, holds, Date.now()) : null };
    });
    if (replay.kind === 'over') {
      answer(204);
      return;
    }
    if (request.method === 'HEAD') {
      response.type('text/event-stream').end();
      return;
    }
    if (eventStreams.isFull()) {
      throw new Refusal('too-many-watchers', 'Ask for the run itself, or try again in a moment.', {
        headers: { 'retry-after': String(RETRY_AFTER_S) },
      });
    }
    let stop: (() => void) | null = null;
    const stream = eventStreams.open(response, () => stop?.());
    if (replay.snapshot !== null) stream.send({ id: replay.snapshot.id, event: 'snapshot', data: view });
    const tell = (told: ToldEvent): void => {
      stream.send(messageOf(run, told));
      if (told.event.kind === 'finished') stream.end();
    };
    for (const told of replay.events) tell(told);
    if (replay.after !== null && !response.destroyed) stop = runWatch.watch(run.runId, replay.after, tell);
  });

  return router;
}

/** The time is that of Redis, which is part of the id. */
function messageOf({ runId, finishedAtMs }: RunRecord, { id, event: { kind, ...data } }: ToldEvent): Message {
  const toldMs = /^(\d+)-\d+$/.exec(id)?.[1];
  const at = new Date(toldMs === undefined ? (finishedAtMs ?? 0) : Number(toldMs)).toISOString();
  return { id, event: kind, data: { run_id: runId, at, ...data } };
}
