/** What a process uses of its machine: event loop, CPU, memory, and the room on a disk. */
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { ProcessVitals } from './heartbeat.ts';

const SAMPLE_MS = 20;
const NS_PER_MS = 1e6;
/** How far back the average of the CPU reaches: a decision in a burst is no overload. */
const CPU_WINDOW_MS = 30_000;

/** Measures this process from now on. `read` gives what was since it was read last. */
export function measureProcess(): { readonly read: () => ProcessVitals; readonly close: () => void } {
  const delays = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  delays.enable();
  let [usedUs, atMs] = [cpuUs(), performance.now()];
  let cpu = 0;

  return {
    read() {
      const [nowUs, nowMs] = [cpuUs(), performance.now()];
      const tookMs = Math.max(1, nowMs - atMs);
      const weight = Math.min(1, tookMs / CPU_WINDOW_MS);
      cpu += ((nowUs - usedUs) / 1_000 / tookMs - cpu) * weight;
      [usedUs, atMs] = [nowUs, nowMs];
      // Each sample holds the time for which it was meant to sleep.
      const event_loop_ms = rounded(Math.max(0, delays.max / NS_PER_MS - SAMPLE_MS));
      delays.reset();
      return { event_loop_ms, cpu: Math.round(cpu * 1_000) / 1_000, ...memory() };
    },
    close: () => delays.disable(),
  };
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function memory(): Pick<ProcessVitals, 'memory_bytes' | 'memory_share'> {
  const { rss, heapUsed } = process.memoryUsage();
  const heapShare = heapUsed / getHeapStatistics().heap_size_limit;
  // 0 where no limit is known; a container's otherwise.
  const limit = process.constrainedMemory();
  const share = Math.max(heapShare, limit > 0 ? rss / limit : 0);
  return { memory_bytes: rss, memory_share: Math.round(share * 1_000) / 1_000 };
}

export function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** The room in bytes where this folder is, or would be made; null where that cannot be found out. */
export async function diskFree(folder: string): Promise<number | null> {
  const found = await statfs(folder).catch(() => null);
  if (found !== null) return found.bavail * found.bsize;
  const above = path.dirname(path.resolve(folder));
  return above === folder ? null : diskFree(above);
}
