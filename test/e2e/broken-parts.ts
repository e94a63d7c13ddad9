/** What can break in a whole Quorum, one part at a time, and how it is mended: for the tests of its health. */
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Health } from '@quorum/shared/health';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { Queue } from 'bullmq';
import type { Stack } from '../stack.ts';

export type Broken = {
  readonly what: string;
  /** Which part of the health names it, and in which words. */
  readonly part: Health['parts'][number]['part'];
  readonly says: RegExp;
  readonly breakIt: (stack: Stack) => Promise<void>;
  readonly mendIt: (stack: Stack) => Promise<void>;
  /** It takes a new process to mend it, which takes seconds. */
  readonly restarts?: true;
};

const killed = (service: 'fetcher' | 'decider' | 'voter'): Broken => ({
  what: `the ${service} is killed`,
  part: service,
  says: /silent|heard of/,
  breakIt: (stack) => stack.kill9(service),
  mendIt: (stack) => stack.start(service),
  restarts: true,
});

const struck = (
  what: string,
  endpoint: 'hub' | 'sequencer' | 'model',
  effect: Readonly<Record<string, unknown>>,
  says: RegExp,
): Broken => ({
  what,
  part: endpoint,
  says,
  breakIt: (stack) => stack.control('POST', 'faults', { endpoint, share: 1, ...effect }),
  mendIt: (stack) => stack.control('DELETE', 'faults'),
});

async function withVotes(stack: Stack, work: (queue: Queue) => Promise<void>): Promise<void> {
  const queue = new Queue('vote', { connection: stack.redis, prefix: BULL_PREFIX, skipVersionCheck: true });
  await work(queue);
  await queue.close();
}

export const BROKEN: readonly Broken[] = [
  {
    what: 'Redis is killed',
    part: 'redis',
    says: /no answer in time/,
    breakIt: (stack) => stack.redisServer.kill9(),
    mendIt: (stack) => stack.redisServer.restart(),
  },
  killed('fetcher'),
  killed('decider'),
  killed('voter'),
  struck('the hub answers 500', 'hub', { status: 500 }, /HTTP 500/),
  struck('the database of the hub is away', 'hub', { fails: 'database' }, /HTTP 200/),
  struck('the hub cuts every line', 'hub', { cut: 'before' }, /no answer/),
  struck('the hub hangs', 'hub', { latency_ms: 600_000 }, /no answer/),
  struck('the hub refuses the key', 'hub', { status: 401 }, /refuses the key/),
  struck('the sequencer cuts every line', 'sequencer', { cut: 'before' }, /no answer/),
  struck('the model answers 503', 'model', { status: 503 }, /HTTP 503/),
  {
    what: 'the folder of the preferences is none',
    part: 'preferences',
    says: /cannot be read and written/,
    async breakIt({ owners }) {
      await rename(owners, `${owners}.away`);
      await writeFile(owners, '');
    },
    async mendIt({ owners }) {
      await rm(owners);
      await rename(`${owners}.away`, owners);
    },
  },
  {
    what: 'nobody can sign',
    part: 'signer',
    says: /there is none/,
    async breakIt(stack) {
      const file = path.join(stack.secrets, 'voter', 'nobody.json');
      await writeFile(file, '{}', { mode: 0o600 });
      await stack.kill9('voter');
      await stack.start('voter', { SIGNERS_FILE: file });
    },
    async mendIt(stack) {
      await stack.kill9('voter');
      await stack.start('voter');
    },
    restarts: true,
  },
  {
    what: 'a queue is paused',
    part: 'queues',
    says: /^vote: it is paused$/,
    breakIt: (stack) => withVotes(stack, (queue) => queue.pause()),
    mendIt: (stack) => withVotes(stack, (queue) => queue.resume()),
  },
];

/** What the gateway says of its health, and with which status. */
export async function readHealth(stack: Stack): Promise<{ readonly status: number; readonly health: Health }> {
  const answer = await fetch(`${stack.url}/health`);
  return { status: answer.status, health: Health.parse(await answer.json()) };
}

/** What its health says of one part. */
export async function partOf(stack: Stack, name: Broken['part']): Promise<Health['parts'][number] | undefined> {
  return (await readHealth(stack)).health.parts.find(({ part }) => part === name);
}
