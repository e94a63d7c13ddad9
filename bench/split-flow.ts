/**
 * What the shape of the product costs by itself: the bare flow once more (`bench/bare-flow.ts`), in the four processes that the
 * product has and with its jobs: a gateway that takes the request and waits for the end, a fetcher, a decision and a vote for each
 * proposal. It keeps no record, or as many letters at as many places as ours does, by plain commands (`split-flow/records.ts`).
 * Nothing is held against it: it says what that shape, and what is kept, come to as plainly made as they can be, and not the least
 * that they could take. It makes the calls of the straight line as that makes them, by the global `fetch`, where ours go by a
 * lighter client; and its decide jobs carry the texts of their proposals, where ours carry references.
 */
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { openLine, postOf } from './accepting/line.ts';
import { cpuMsOf, startServer, type ServerProcess } from './accepting/server-process.ts';
import { settled } from './settled.ts';
import type { Stand } from './stand.ts';

const PART = fileURLToPath(new URL('./split-flow/part.ts', import.meta.url));
const NAMES = ['gateway', 'fetcher', 'decider', 'voter'] as const;
const Answer = z.object({ decided: z.int() });

export type SplitFlow = {
  /** Resolves when the run of this space is over, with the number of its decisions. */
  readonly run: (space: string) => Promise<number>;
  /** The same, with records. */
  readonly runWithRecords: (space: string) => Promise<number>;
  /** What a run takes, ms, asked for as a run of ours is that is timed (`Stand.dryRunMs`). Throws where it decides another number. */
  readonly runMs: (space: string, asked: { readonly records: boolean; readonly proposals: number }) => Promise<number>;
  /** The CPU that the four processes have taken so far, ms. */
  readonly cpuMs: () => Promise<number>;
  readonly close: () => Promise<void>;
};

export async function startSplitFlow({ fleet, calls }: Pick<Stand, 'fleet' | 'calls'>): Promise<SplitFlow> {
  const cleanUp = new AsyncDisposableStack();
  try {
    const dir = cleanUp.use(await mkdtempDisposable(path.join(tmpdir(), 'quorum-split-')));
    const env = { ...process.env, BENCH_CALLS: JSON.stringify(calls) };
    const start = async (name: string): Promise<ServerProcess> => {
      const args = [PART, name, fleet.redisUrl, fleet.sandboxUrl];
      const part = await startServer(args, env, path.join(dir.path, `${name}.log`));
      cleanUp.defer(part.stop);
      return part;
    };
    const parts = await settled(NAMES.map(start));
    const url = new URL('/run', parts[0]?.url);
    const runOf = async (space: string, records: boolean): Promise<number> => {
      const body = JSON.stringify({ space, records });
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      if (!response.ok) throw new Error(`POST /run: ${response.status} ${await response.text()}`);
      return Answer.parse(await response.json()).decided;
    };
    return {
      run: (space) => runOf(space, false),
      runWithRecords: (space) => runOf(space, true),
      async runMs(space, { records, proposals }) {
        const request = postOf(url.pathname, { space, records }, {});
        using line = await openLine(url);
        const began = performance.now();
        const { status, body } = await line.ask(request);
        const tookMs = performance.now() - began;
        const decided = status === 200 ? Answer.parse(JSON.parse(body)).decided : null;
        if (decided !== proposals) throw new Error(`POST /run: ${status} ${body}`);
        return tookMs;
      },
      cpuMs: async () => (await Promise.all(parts.map(({ pid }) => cpuMsOf(pid)))).reduce((sum, ms) => sum + ms, 0),
      close: () => cleanUp.disposeAsync(),
    };
  } catch (error) {
    await cleanUp.disposeAsync();
    throw error;
  }
}
