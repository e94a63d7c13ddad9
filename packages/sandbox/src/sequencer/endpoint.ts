/** `GET /` and `POST /`: the sequencer. Checks, then stores, then answers with a receipt. */
import { createHash } from 'node:crypto';
import type { Wallet } from 'ethers';
import { reply, type Answer, type Handler } from '../http.ts';
import type { LiveWorld } from '../live-world.ts';
import { check } from './checks.ts';
import { store } from './store.ts';

const CORS = { 'access-control-allow-origin': '*' };

function clientError(status: number, description: string): Answer {
  return reply(status, { error: 'client_error', error_description: description }, CORS);
}

export function createSequencer(world: LiveWorld, relayer: Wallet): Handler {
  return (request) => {
    if (request.method === 'GET') {
      const about = { name: 'snapshot-sequencer', SNAPSHOT_ENV: 'sandbox', version: '0.1.3', relayer: relayer.address };
      return reply(200, about, CORS);
    }
    const checked = check(world, request.body, request.text);
    if (checked.kind === 'refused') return clientError(400, checked.why);
    const stored = store(world, relayer, checked, request.text);
    return stored.kind === 'refused' ? clientError(400, stored.why) : reply(200, stored.receipt, CORS);
  };
}

/** Answers 425 to a body that is being worked on already. It stands before the faults, so that a slow answer counts as work. */
export function refuseInFlight(handle: Handler): Handler {
  const inFlight = new Set<string>();
  return async (request) => {
    if (request.method !== 'POST') return handle(request);
    const hash = createHash('sha256').update(request.text).digest('hex');
    if (inFlight.has(hash)) return clientError(425, 'request already being processed');
    inFlight.add(hash);
    try {
      return await handle(request);
    } finally {
      inFlight.delete(hash);
    }
  };
}
