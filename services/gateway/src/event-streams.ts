/**
 * Answers that stay open as server-sent events. A client that does not read what it is sent is cut: what waits for it is bounded in
 * bytes, and in time by two heartbeats. So is the number of clients.
 */
import type { ServerResponse } from 'node:http';
import { Counter, Gauge, type Registry } from 'prom-client';

const SECOND_MS = 1_000;
const KB = 1_024;

/** What may wait to be sent to one client before another event is added. A snapshot of ten proposals is within it. */
export const MAX_UNSENT = 256 * KB;
/** When a client is to come again that lost the line. */
const RETRY_MS = 2 * SECOND_MS;
/** Then it comes again, with its key: one that was revoked is worth nothing from then on. */
const MAX_AGE_MS = 15 * 60 * SECOND_MS;

export type Message = { readonly id: string | null; readonly event: string; readonly data: unknown };

export type EventStream = {
  /** Sends an event, or cuts a client that is too far behind. */
  send(message: Message): void;
  /** Ends the answer in order. */
  end(): void;
};

export type EventStreams = {
  /** Whether no more may be opened. */
  isFull(): boolean;
  /** Opens an answer as a stream. `onGone` is called once it is over, whoever ended it: at once where the client has gone already. */
  open(response: ServerResponse, onGone: () => void): EventStream;
  close(): void;
};

type Open = EventStream & { readonly beat: () => void };

export type EventStreamLimits = {
  /** Seconds between two signs of life. */
  readonly heartbeatS: number;
  readonly maxClients: number;
};

/** To a client that went before it was opened. */
const NOBODYS: EventStream = { send: () => undefined, end: () => undefined };

/** The limits are asked for each time. */
export function createEventStreams(limits: () => EventStreamLimits, registry: Registry): EventStreams {
  const all = new Set<Open>();
  const registers = [registry];
  const open = new Gauge({ name: 'quorum_event_streams', help: 'Clients that watch a run now', registers });
  const cut = new Counter({
    name: 'quorum_event_streams_cut_total',
    help: 'Clients that were cut because they did not read',
    registers,
  });
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  function beatLater(): void {
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(() => {
      timer = undefined;
      for (const stream of all) stream.beat();
      if (all.size > 0) beatLater();
    }, limits().heartbeatS * SECOND_MS);
  }

  function start(response: ServerResponse, onGone: () => void): Open {
    let wasBehind = false;
    const tooSlow = (): void => {
      cut.inc();
      response.destroy();
    };
    const stream: Open = {
      send(message) {
        if (response.writableEnded || response.destroyed) return;
        if (response.writableLength > MAX_UNSENT) tooSlow();
        else response.write(textOf(message));
      },
      beat() {
        const isBehind = response.writableLength > 0;
        if (isBehind && wasBehind) tooSlow();
        else if (!isBehind) response.write(': heartbeat\n\n');
        wasBehind = isBehind;
      },
      end() {
        response.end();
      },
    };
    const old = setTimeout(() => stream.end(), MAX_AGE_MS);
    response.once('close', () => {
      clearTimeout(old);
      all.delete(stream);
      open.set(all.size);
      onGone();
    });
    return stream;
  }

  return {
    isFull: () => all.size >= limits().maxClients,
    open(response, onGone) {
      if (response.destroyed) {
        // That it closes has been told, and is told no second time.
        onGone();
        return NOBODYS;
      }
      const stream = start(response, onGone);
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
      response.write(`retry: ${RETRY_MS}\n\n`);
      all.add(stream);
      open.set(all.size);
      if (isClosed) stream.end();
      beatLater();
      return stream;
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      for (const stream of all) stream.end();
    },
  };
}

/** JSON holds no line break, so an event has one line of data. */
function textOf({ id, event, data }: Message): string {
  return `${id === null ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
