/** What a service does about a job of the catalogue, as the worker of its queue takes it. Nothing here knows BullMQ. */
import type { QuorumError } from './errors.ts';
import { jobsOn, type JobDefinition, type QueueName } from './jobs.ts';
import type { Logger } from './log.ts';

/** What a handler learns of the attempt that it is in. */
export type Attempt = {
  readonly number: number;
  readonly last: boolean;
  /** How often the job was picked up, this time included; postponements count here, though they cost no attempt. */
  readonly pickups: number;
  /** When the job was added, Unix milliseconds. */
  readonly addedAtMs: number;
  readonly log: Logger;
};

/** What a step job may do with itself. */
export type StepJob = {
  readonly id: string;
  /**
   * Ends this pick-up until all children have settled; returns at once if they have. Throws what BullMQ must see. `next` replaces the
   * payload first, so that the next pick-up begins at another step; it may find the old one all the same.
   */
  waitForChildren(next?: unknown): Promise<void>;
};

/** What is done about one job. */
export type JobHandling<P, R> = {
  /** Does the work. `step` is for step jobs alone. */
  handle(payload: P, attempt: Attempt, signal: AbortSignal, step: StepJob): Promise<R>;
  /** Turns an error that would fail the job for good into a result. */
  onFinalError?(payload: P, error: QuorumError, attempt: Attempt, step: StepJob): Promise<R>;
  /**
   * Told when a job failed for good: it stalled too often, its payload is invalid, or, where no `onFinalError` is given, an
   * error of the handler was final.
   */
  onLost?(data: unknown, error: Error): Promise<void>;
};

/** A job of the catalogue and what is done about it, as a worker takes it. Made by `handler`. */
export type JobHandler = {
  readonly timeoutMs: number;
  /** The work on a job with this data. Throws where the data does not fit. */
  readonly take: (data: unknown) => Work;
  readonly onLost: ((data: unknown, error: Error) => Promise<void>) | undefined;
};

/** The work on one job. */
export type Work = {
  readonly handle: (attempt: Attempt, signal: AbortSignal, step: StepJob) => Promise<unknown>;
  readonly onFinalError: ((error: QuorumError, attempt: Attempt, step: StepJob) => Promise<unknown>) | undefined;
};

/** Binds a job of the catalogue to what is done about it: whatever goes in and comes out is checked. */
export function handler<P, R>(job: JobDefinition<P, R>, does: JobHandling<P, R>): JobHandler {
  const { onFinalError } = does;
  return {
    timeoutMs: job.timeoutMs,
    onLost: does.onLost,
    take(data) {
      const payload = job.payload.parse(data);
      return {
        handle: async (...rest) => job.result.parse(await does.handle(payload, ...rest)),
        onFinalError:
          onFinalError === undefined
            ? undefined
            : async (...rest) => job.result.parse(await onFinalError(payload, ...rest)),
      };
    },
  };
}

/** Every job of the queue has a handler, and nothing else has. Types say so too; what is put together at run time may not. */
export function proveHandled(queue: QueueName, handled: readonly string[]): void {
  const jobs = jobsOn(queue);
  const missing = jobs.filter((name) => !handled.includes(name));
  const unknown = handled.filter((name) => !jobs.includes(name));
  if (missing.length > 0) {
    throw new TypeError(
      `Nobody works ${missing.join(', ')}: give the worker of the queue ${queue} a handler for each.`,
    );
  }
  if (unknown.length > 0) {
    throw new TypeError(
      `${unknown.join(', ')}: no such job on the queue ${queue}. Add it to JOBS, or remove its handler.`,
    );
  }
}
