/**
 * Asks the API while it works, one request after the other at a steady pace and each of several kinds in turn, and notes how long
 * each answer took.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { LoadOwner } from './fleet.ts';
import { LIVE_SPACE } from './world.ts';

const EVERY_MS = 50;

/** What the API was asked. */
export type Asked = {
  /** How long the answers took, by the kind of request, in milliseconds. */
  readonly tookMs: Map<string, number[]>;
  /** Answers of 503: the gateway had none of Redis in time, and whoever asked is to ask again. */
  unavailable: number;
};

const ASK_AGAIN_MS = 1_000;

/** Asks, and notes how long the answer took; asks again for as long as it is 503. Throws for any other that is not expected. */
export async function ask(
  asked: Asked,
  kind: string,
  expected: readonly number[],
  send: () => Promise<Response>,
): Promise<{ readonly status: number; readonly body: string }> {
  for (;;) {
    const began = performance.now();
    const response = await send();
    const body = await response.text();
    const all = asked.tookMs.get(kind) ?? [];
    asked.tookMs.set(kind, all);
    all.push(performance.now() - began);
    if (expected.includes(response.status)) return { status: response.status, body };
    if (response.status !== 503) throw new Error(`${kind}: ${response.status} ${body.slice(0, 500)}`);
    asked.unavailable += 1;
    await pause(ASK_AGAIN_MS);
  }
}

export type Probed = {
  readonly url: string;
  readonly owners: readonly LoadOwner[];
  /** A run of this owner; undefined: there is none yet. */
  readonly runOf: (owner: LoadOwner) => string | undefined;
};

/** Until the signal says so. */
export async function probe({ url, owners, runOf }: Probed, asked: Asked, signal: AbortSignal): Promise<void> {
  const kinds = [
    '/agent-run/RUN',
    '/agent-run',
    '/decisions',
    '/holds',
    '/user-preferences',
    '/voting',
    '/proposals',
    '/health/ready',
    '/health',
    '/metrics',
  ];
  for (let turn = 0; !signal.aborted; turn += 1) {
    const kind = kinds[turn % kinds.length] ?? '/health';
    const owner = owners[turn % owners.length];
    const run = owner === undefined ? undefined : runOf(owner);
    if (owner !== undefined && (run !== undefined || !kind.includes('RUN'))) {
      const query = kind === '/proposals' ? `?space_id=${LIVE_SPACE}` : '';
      const address = `${url}${kind.replace('RUN', run ?? '')}${query}`;
      const headers = { authorization: `Bearer ${owner.apiKey}` };
      await ask(asked, `GET ${kind}`, [200], () => fetch(address, { headers }));
    }
    await pause(EVERY_MS);
  }
}
