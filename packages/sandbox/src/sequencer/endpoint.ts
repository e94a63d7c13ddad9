/** The sequencer: `POST /` checks, pins, stores and answers with a receipt; `GET /` says who it is; `GET /scores/:id` counts. */
import { setImmediate } from 'node:timers/promises';
import type { Wallet } from 'ethers';
import { CORS, pause, reply, type Answer, type Handler } from '../http.ts';
import type { LiveWorld } from '../live-world.ts';
import { createRateLimiter } from '../rate-limit.ts';
import { clientError, IN_MAINTENANCE, serverError } from './answers.ts';
import { check } from './checks.ts';
import type { Keypers } from './keypers.ts';
import { store } from './store.ts';
import { createTypedDataHasher } from './typed-data.ts';

/**
 * How long a message is on its way to IPFS: long enough that the same body sent twice at once meets itself. The turns of the
 * event loop are for clients in the sandbox's own process, whose connections wait for the same loop.
 */
const PINNING_MS = 3;
const PINNING_TURNS = 20;
const TOO_MANY = 'too many requests, refer to https://docs.snapshot.org/tools/api/api-keys#limits';

export type SequencerParts = {
  readonly world: LiveWorld;
  readonly relayer: Wallet;
  readonly keypers: Keypers;
  readonly closing: AbortSignal;
};

export function createSequencer({ world, relayer, keypers, closing }: SequencerParts): Handler {
  const hasher = createTypedDataHasher();
  return async (request): Promise<Answer> => {
    const [path] = request.url.split('?');
    if (path?.startsWith('/scores/')) return scores(world, keypers, path.slice('/scores/'.length));
    if (request.method === 'GET' || request.method === 'HEAD') {
      const about = { name: 'snapshot-sequencer', SNAPSHOT_ENV: 'mainnet', version: '0.1.3', relayer: relayer.address };
      return reply(200, about, CORS);
    }
    if (request.fails === 'maintenance') return IN_MAINTENANCE;
    const checked = check(world, hasher, request);
    if (checked.kind === 'refused') return clientError(400, checked.why);
    await pause(PINNING_MS, closing);
    for (let turn = 0; turn < PINNING_TURNS; turn += 1) await setImmediate();
    if (request.fails === 'pinning') return clientError(400, 'pinning failed');
    const stored = store(world, relayer, checked, request.text);
    switch (stored.kind) {
      case 'refused':
        return clientError(400, stored.why);
      case 'broken':
        return serverError(500, stored.description);
      case 'stored':
        return reply(200, stored.receipt, CORS);
    }
  };
}

/**
 * Counting is asked for; here it is always up to date. Of a closed Shutter proposal it asks the keypers for the key. What is
 * unknown, or not open yet, has nothing to count.
 */
async function scores(world: LiveWorld, keypers: Keypers, id: string): Promise<Answer> {
  const proposal = world.proposal(decodeURIComponent(id));
  const state = proposal ? world.state(proposal) : 'pending';
  if (proposal?.privacy === 'shutter' && state === 'closed') await keypers.release(proposal);
  return reply(200, { result: state !== 'pending' }, CORS);
}

/** Makes the wrapper that puts the limit of requests a minute and address around the sequencer: whatever is asked counts. */
export function limitSequencer(world: LiveWorld): (handle: Handler) => Handler {
  const limiter = createRateLimiter(world.clock, () => world.limits.sequencer_per_minute);
  let generation = world.generation;
  return (handle) => async (request) => {
    if (generation !== world.generation) {
      limiter.clear();
      generation = world.generation;
    }
    const { allowed, headers } = limiter.take(request.ip);
    if (!allowed) return clientError(429, TOO_MANY, { ...headers });
    const answer = await handle(request);
    return answer.kind === 'cut' ? answer : { ...answer, headers: { ...answer.headers, ...headers } };
  };
}
