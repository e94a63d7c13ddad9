/** What accepts a run (`lua/accept.lua`), alone or as a part of a longer step, and what became of it. */
import type { SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { RunId, type OwnerId, type RequestId } from './ids.ts';
import { keys, RETENTION_S } from './redis-keys.ts';
import { eventArgs } from './run-events.ts';
import { loadScript, type Step } from './script.ts';

export type AcceptInput = {
  readonly runId: RunId;
  /** The HTTP request; absent where a turn begins it. */
  readonly requestId?: RequestId | undefined;
  readonly owner: OwnerId;
  readonly space: SpaceId;
  readonly dryRun: boolean;
  /** The client's Idempotency-Key and the hash of the body that it came with. */
  readonly idempotency: { readonly key: string; readonly bodyHash: string } | null;
  readonly nowMs: number;
};

/**
 * created: a new run. joined: the owner's run of this space and kind is under way. replayed: this key had this answer before.
 * ending: that run is being cancelled. conflict: a run of the other kind is under way. mismatch: this key came before with another
 * body. Of the last three the key is not remembered.
 */
const ACCEPTED = ['created', 'joined', 'replayed', 'ending', 'conflict', 'mismatch'] as const;
export type Accepted = { readonly kind: (typeof ACCEPTED)[number]; readonly runId: RunId };

const Reply = z.tuple([z.enum(ACCEPTED), RunId]);
const script = loadScript('accept');

/** Accepts a run, or finds the one that already stands for this request. */
export function acceptStep(input: AcceptInput): Step<Accepted> {
  const { runId, requestId, owner, space, dryRun, idempotency, nowMs } = input;
  const request = {
    request_id: requestId,
    run_id: runId,
    owner,
    space_id: space,
    dry_run: dryRun,
    accepted_at: nowMs,
  };
  return {
    script,
    keys: [
      keys.run(runId),
      keys.active(owner, space),
      keys.idempotency(owner, idempotency?.key ?? ''),
      keys.auditOwner(owner),
      keys.openRuns(),
      keys.runEvents(runId),
      keys.runsOf(owner),
      keys.runs(),
    ],
    args: [
      runId,
      dryRun ? 'dry' : 'live',
      JSON.stringify(request),
      idempotency?.bodyHash ?? '',
      idempotency === null ? '0' : '1',
      RETENTION_S.idempotencyKey,
      nowMs,
      RETENTION_S.finishedRun,
      ...eventArgs({ kind: 'accepted', space_id: space, dry_run: dryRun }),
    ],
    read(reply) {
      const [kind, found] = Reply.parse(reply);
      return { kind, runId: found };
    },
  };
}
