/**
 * Starts a run in one step of Redis: the request is paid for, its run is accepted, and the job of the run is there. Either all of it
 * is so or nothing is, so that no run is accepted for a job that got lost on its way.
 */
import { acceptStep, type Accepted, type AcceptInput } from '@quorum/shared/accept';
import { joinScripts, loadScript, runStep, type Step } from '@quorum/shared/script';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { ADD_JOB } from './job-step.ts';
import type { Paid } from './limits.ts';
import type { Queues } from './queues.ts';

/** Of each step that was asked. */
const Replies = z.tuple([z.unknown(), z.unknown().optional(), z.unknown().optional()]);

/** Null: the key is another than it was, and nothing was done. Throws a `Refusal` where the request is not paid for. */
export type StartRun = (payment: Step<Paid>, input: AcceptInput) => Promise<Accepted | null>;

export function createStartRun(redis: Redis, queues: Pick<Queues, 'runStep'>): StartRun {
  const parts = { take: loadScript('take-requests'), accept: loadScript('accept'), add: ADD_JOB };
  const script = joinScripts(parts, loadScript('start-run').lua);

  return async (payment, input) => {
    const accept = acceptStep(input);
    const add = await queues.runStep(input.runId, input.requestId);
    const counts = [payment, accept].flatMap(({ keys, args }) => [keys.length, args.length]);
    return await runStep(redis, {
      script,
      keys: [...payment.keys, ...accept.keys, ...add.keys],
      args: [...counts, ...payment.args, ...accept.args, ...add.args],
      read(replies) {
        const [paid, accepted, added] = Replies.parse(replies);
        if (payment.read(paid) === 'changed') return null;
        const run = accept.read(accepted);
        if (run.kind === 'created') add.read(added);
        return run;
      },
    });
  };
}
