/**
 * Adding a job as a part of a longer script. BullMQ has the words of it: its own `Job` says what would be sent, and the script is the
 * one that it would run. Only where these are kept is known here, and its version is exact.
 */
import { createRequire } from 'node:module';
import { scriptOf, type Step } from '@quorum/shared/script';
import { Job, type IRedisTransaction, type JobsOptions, type Queue } from 'bullmq';
import { z } from 'zod';

const Kept = z.object({ addStandardJob: z.object({ content: z.string(), keys: z.int() }) });
const { addStandardJob } = Kept.parse(createRequire(import.meta.url)('bullmq/dist/cjs/scripts/addStandardJob-9.js'));
/** Adds a job that is to be worked at once. */
export const ADD_JOB = scriptOf(addStandardJob.content);

const Reply = z.string();

/** What adds this job, which waits for nothing. Its reply: the id of the job, or a negative number for a fault. */
export async function jobStep(
  queue: Queue,
  name: string,
  data: object,
  options: JobsOptions & { readonly jobId: string },
): Promise<Step<string>> {
  const recorder = new Recorder();
  await new Job(queue, name, data, options, options.jobId).addJob(recorder, {});
  const { sent } = recorder;
  return {
    script: ADD_JOB,
    keys: sent.slice(0, addStandardJob.keys).map(String),
    args: sent.slice(addStandardJob.keys),
    read: (reply) => Reply.parse(reply),
  };
}

const refuse = (): never => {
  throw new TypeError('A job is added here, and nothing else is done.');
};

/** Takes down what BullMQ would send. */
class Recorder implements IRedisTransaction {
  sent: readonly (string | Buffer)[] = [];

  runCommand(name: string, args: (string | Buffer)[]): this {
    if (!name.startsWith('addStandardJob:')) refuse();
    this.sent = args;
    return this;
  }
  hgetall = refuse;
  hset = refuse;
  hscan = refuse;
  smembers = refuse;
  sscan = refuse;
  zrange = refuse;
  lrange = refuse;
  llen = refuse;
  del = refuse;
  exec = refuse;
}
