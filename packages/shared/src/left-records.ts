/** How live runs left proposals to later ones: a part of `records.ts`, by which it is reached. */
import { ProposalId, type SpaceId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { OwnerId } from './ids.ts';
import { keys, RETENTION_S } from './redis-keys.ts';

/** A proposal that a live run left for a later one. */
export const LeftOver = z.object({ proposal_id: ProposalId, end: z.int().describe('Unix seconds') });

/** How a live run left a proposal: held or skipped by policy, or without a vote for a reason that it would meet again. */
export type LeftAs = 'by_policy' | 'in_vain';

export const BY_POLICY: LeftAs = 'by_policy';

/** What closed so long ago is forgotten at the next note: a hub whose clock lags a little still lists it. */
const KEPT_AFTER_END_S = 24 * 60 * 60;

/** The notes on one Redis. A note reads `<left>:<content hash>:<preferences version>`, and behind a space when its proposal ends. */
export function createLeftRecords(redis: Redis) {
  return {
    /**
     * Which of these proposals (id to content hash) an earlier live run of this owner left so, with the same text and under the
     * same preferences.
     */
    async decidedBefore(
      owner: OwnerId,
      space: SpaceId,
      proposals: ReadonlyMap<ProposalId, string>,
      preferencesVersion: string,
      left: LeftAs = 'by_policy',
    ): Promise<ReadonlySet<ProposalId>> {
      const ids = [...proposals.keys()];
      if (ids.length === 0) return new Set();
      const marks = await redis.hmget(keys.decidedBefore(owner, space), ...ids);
      const wanted = (id: ProposalId): string => `${left}:${proposals.get(id)}:${preferencesVersion}`;
      return new Set(ids.filter((id, at) => marks[at]?.split(' ')[0] === wanted(id)));
    },

    /**
     * Notes how a live run left these proposals, for `decidedBefore`; what closed since is forgotten.
     * @param ends when each of them ends, Unix seconds.
     */
    async noteDecidedBefore(
      owner: OwnerId,
      space: SpaceId,
      proposals: ReadonlyMap<ProposalId, string>,
      preferencesVersion: string,
      left: LeftAs,
      { ends, nowMs }: { readonly ends: ReadonlyMap<ProposalId, number>; readonly nowMs: number },
    ): Promise<void> {
      if (proposals.size === 0) return;
      const key = keys.decidedBefore(owner, space);
      const marks = [...proposals].flatMap(([id, contentHash]) => [
        id,
        `${left}:${contentHash}:${preferencesVersion} ${ends.get(id) ?? ''}`,
      ]);
      // One owner and space has one run at a time: nobody else writes here meanwhile.
      const closed = Object.entries(await redis.hgetall(key)).flatMap(([id, mark]) => {
        const end = Number(mark.split(' ')[1] ?? '');
        return end > 0 && end + KEPT_AFTER_END_S < nowMs / 1_000 ? [id] : [];
      });
      const writing = redis.multi().hset(key, ...marks);
      if (closed.length > 0) writing.hdel(key, ...closed);
      await writing.expire(key, RETENTION_S.decidedBefore).exec();
    },

    /**
     * Forgets that earlier runs left these by policy, under whatever text and preferences: a later one took them up and left them
     * undone. As long as the note stands, nobody is told that a deadline was missed.
     */
    async forgetLeftByPolicy(owner: OwnerId, space: SpaceId, ids: readonly ProposalId[]): Promise<void> {
      if (ids.length === 0) return;
      const key = keys.decidedBefore(owner, space);
      const marks = await redis.hmget(key, ...ids);
      const noted = ids.filter((_, at) => marks[at]?.startsWith(`${BY_POLICY}:`) === true);
      if (noted.length > 0) await redis.hdel(key, ...noted);
    },
  };
}
