/** What piles up where something is not given back: connections, open files, memory, keys that never end. Linux' /proc tells the half. */
import { readdir, readFile } from 'node:fs/promises';
import type { Stack } from '../stack.ts';

export type Levels = {
  /** Connections of Redis. */
  readonly clients: number;
  /** Of the process that has the most. */
  readonly open_files: number;
  /** Of the largest process, resident. */
  readonly memory_mb: number;
  /** The kinds of keys that are kept for ever. */
  readonly forever: readonly string[];
};

/** Measured while everything rests. Where there is no /proc, files and memory are 0. */
export async function measureLevels(stack: Stack): Promise<Levels> {
  const { redis } = stack;
  const clients = String(await redis.call('CLIENT', 'LIST'))
    .trim()
    .split('\n').length;
  const each = await Promise.all(stack.pids().map(levelsOf));
  const forever = new Set<string>();
  for (const key of await redis.keys('{quorum}:*')) {
    if (!key.startsWith('{quorum}:bull:') && (await redis.ttl(key)) === -1) forever.add(key.split(':')[1] ?? '');
  }
  return {
    clients,
    open_files: Math.max(0, ...each.map(({ files }) => files)),
    memory_mb: Math.max(0, ...each.map(({ memoryMb }) => memoryMb)),
    forever: [...forever].toSorted(),
  };
}

async function levelsOf(pid: number): Promise<{ files: number; memoryMb: number }> {
  const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return { files: files.length, memoryMb: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024 };
}
