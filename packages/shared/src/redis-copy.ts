/**
 * All that Quorum has in a Redis, taken at one moment, and put back in one step.
 *
 *   take     one script reads every key: no write falls between two of them
 *   stage    writes the keys beside those that are there, under names of their own; any fault ends it, and nothing was changed
 *   swap     one script puts them in the place of what was there, and pauses voting; the mode says `restoring`
 *   finish   the mode is what it was, and the voter service starts again
 *
 * Keys of other programs in the same Redis are neither read nor touched. What a key holds is as DUMP says it: bound to the version
 * of Redis, which takes what an older one wrote, and refuses what a newer one did.
 */
import type { Address } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { entryArgs } from './audit-entry.ts';
import { RESTORING, type Mode } from './mode.ts';
import { keys, PREFIXES } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';
import { z } from 'zod';

/** Keys of one round trip. */
const BATCH = 500;

/** A key: its name, when it expires (Unix milliseconds; 0: never), its DUMP. Names are bytes, a byte a character. */
export type CopiedKey = { readonly name: string; readonly expiresAtMs: number; readonly dump: Buffer };

/** What the audit chains are told of a restore. */
export type RestoredChain = {
  readonly voter: Address;
  /** Hash of the last record of the chain that is replaced; null where there is none, or nobody knows. */
  readonly lostHead: string | null;
};

export type RestoreTold = {
  readonly nowMs: number;
  /** When the backup was made, Unix milliseconds. */
  readonly backupAtMs: number;
  readonly chains: readonly RestoredChain[];
  /** The voter service's key, under which its audit entries are made. */
  readonly key: Buffer;
};

/** Redis refused a key of a backup: it was written by a newer one, or there is no room for it. */
export class StageError extends Error {
  override readonly name = 'StageError';
}

export function createRedisCopy(redis: Redis) {
  const copyAll = loadScript('copy-all');
  const swapStaged = loadScript('swap-staged');

  async function dropStaged(): Promise<void> {
    const names = await redis.keys(`${PREFIXES.staged}*`);
    for (let at = 0; at < names.length; at += BATCH) await redis.unlink(...names.slice(at, at + BATCH));
  }

  return {
    /** Everything, but for the rights to look at Bull Board, and when it was. Redis answers nobody else meanwhile. */
    async take(): Promise<{ readonly atMs: number; readonly keys: readonly CopiedKey[] }> {
      const leftOut = [PREFIXES.staged, PREFIXES.links, PREFIXES.sessions];
      const reply = await redis.callBuffer('EVAL', copyAll.lua, 0, `${PREFIXES.all}*`, ...leftOut);
      const [at, ...flat] = z.array(z.instanceof(Buffer)).parse(reply);
      const copied: CopiedKey[] = [];
      for (let place = 0; place + 2 < flat.length; place += 3) {
        const [name, expires, dump] = flat.slice(place, place + 3);
        if (name === undefined || expires === undefined || dump === undefined) break;
        copied.push({ name: name.toString('latin1'), expiresAtMs: Number(expires), dump });
      }
      return { atMs: Number(at), keys: copied };
    },

    /** Whether nothing of Quorum is there, but for what a restore that was cut short had staged. */
    async isEmpty(): Promise<boolean> {
      return (await redis.keys(`${PREFIXES.all}*`)).every((name) => name.startsWith(PREFIXES.staged));
    },

    /** Whether a restore was cut short between its two last steps. */
    async isHalfRestored(): Promise<boolean> {
      return (await redis.get(keys.mode())) === RESTORING;
    },

    /** Throws a `StageError`, and leaves no key behind, where Redis refuses one. What has expired meanwhile is left out. */
    async stage(copied: readonly CopiedKey[]): Promise<void> {
      await dropStaged();
      for (let at = 0; at < copied.length; at += BATCH) {
        const pipeline = redis.pipeline();
        for (const { name, expiresAtMs, dump } of copied.slice(at, at + BATCH)) {
          const staged = Buffer.from(`${PREFIXES.staged}${name.slice(PREFIXES.all.length)}`, 'latin1');
          if (expiresAtMs === 0) pipeline.restore(staged, 0, dump);
          else pipeline.restore(staged, expiresAtMs, dump, 'ABSTTL');
        }
        const failed = (await pipeline.exec())?.find(([error]) => error !== null)?.[0];
        if (failed === undefined || failed === null) continue;
        await dropStaged();
        throw new StageError(failed.message);
      }
    },

    /** Puts what is staged in the place of all that is there; voting is paused, and the voter service does not start. */
    async swap(told: RestoreTold | null): Promise<number> {
      const entries = (told?.chains ?? []).flatMap(({ voter, lostHead }) => {
        const entry = {
          kind: 'restored',
          time: String(told?.nowMs),
          backup_at: String(told?.backupAtMs),
          lost_head: lostHead ?? '',
        };
        const args = entryArgs(voter, entry, told?.key ?? null);
        return [keys.auditVoter(voter), args.length, ...args];
      });
      const reply = await runScript(
        redis,
        swapStaged,
        [keys.mode(), keys.votingGlobal()],
        [PREFIXES.all, PREFIXES.staged, PREFIXES.votingOwners, RESTORING, ...entries],
      );
      return z.int().parse(reply);
    },

    /** The restore is complete. */
    async finish(mode: Mode | null): Promise<void> {
      if (mode === null) await redis.del(keys.mode());
      else await redis.set(keys.mode(), mode);
    },
  };
}
