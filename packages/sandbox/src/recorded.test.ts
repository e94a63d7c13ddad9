/** Replays cases recorded on the real sequencer and hub: same status, same body, but for what cannot repeat. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { call } from '../test/client.ts';
import { RECORDED_AT, recordedWorld } from '../test/recorded-world.ts';
import { startSandbox, type Sandbox } from './start-sandbox.ts';
import type { World } from './world.ts';

const Case = z.object({
  case: z.string(),
  request: z.object({
    method: z.string(),
    url: z.string(),
    headers: z.record(z.string(), z.string()).optional(),
    body: z.unknown().optional(),
  }),
  response: z.object({ status: z.int(), body: z.unknown() }),
});

const folder = new URL('../fixtures/cases/', import.meta.url);
const cases = readdirSync(folder).map((name) => Case.parse(JSON.parse(readFileSync(new URL(name, folder), 'utf8'))));

/** The clock at which a case was recorded, where it is not the common one. */
const CLOCKS: Readonly<Record<string, number>> = {
  // 300 s before and 6 days after the message, respectively, to the second or so that the recording took.
  'vote-timestamp-future-299s': 1_795_335_858,
  'vote-timestamp-future-310s': 1_795_335_858,
  'vote-timestamp-past-6d-10s': 1_795_335_858,
};

const CHANGED = { voter: '0xD1712C24Dc225bB4EBDE3fdA75A9DCaE22e7B8A3', space: 'localdao.eth', choice: 3 };
const SINGLE = '0x4e33b192ebea7f3bfc26ae1f3bb5bcde7ec014645730496d1c92b161f88b4377';

/** The first proposal of the recorded world, with all that its full reading tells. */
const BASIC = {
  id: '0xfbb7b5bf4ca348eeeebf8cc3660712859a5a1fbf18e83217a57ce203fb51d5c2',
  space: 'localdao.eth',
  ipfs: 'bafkreifbb7b5bf4ca348eeeebf8cc3660712859a5a1fbf18e83217a57c',
  author: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
  title: 'Test basic',
  body: 'Body of basic',
  choices: ['For', 'Against', 'Abstain'],
  labels: ['l1'],
  start: 1_795_332_256,
  end: 1_796_545_456,
  strategies: [{ name: 'stub', network: '1', params: { vp: 10, symbol: 'VOTE' } }],
  quorum: 5,
  scores: [90, 10, 50],
  votes: 15,
};

/** What had to be there, or not, before a case. */
const BEFORE: Readonly<Record<string, Partial<World>>> = {
  'vote-change-3-earlier-timestamp': { votes: [{ ...CHANGED, id: '0x1', proposal: SINGLE, created: 1_795_335_768 }] },
  'gql-proposal-full': { proposals: [BASIC], validations: [], voting_power: [] },
  'alias-set': { aliases: [] },
  'alias-vote-without-alias': { aliases: [] },
  'alias-vote-expired-31-days': {
    aliases: (recordedWorld().aliases ?? []).map((alias) => ({ ...alias, created: RECORDED_AT - 31 * 24 * 60 * 60 })),
  },
};

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

describe('recorded cases', () => {
  test.each(cases)('$case', async ({ case: name, request, response }) => {
    const world = { ...recordedWorld(), now: CLOCKS[name] ?? RECORDED_AT, ...BEFORE[name] };
    expect((await call('PUT', `${sandbox.url}/_sandbox/world`, world)).status).toBe(200);

    const recorded = new URL(request.url);
    const { body } = request;
    const answer = await fetch(`${sandbox.url}${recorded.pathname}${recorded.search}`, {
      method: request.method,
      headers: request.headers ?? { 'content-type': 'application/json' },
      ...(body === undefined || body === null ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    expect(answer.status).toBe(response.status);
    const text = await answer.text();
    if (typeof response.body === 'string') {
      // The page quotes a stack of the real server's modules: only that it is such a page can repeat.
      expect(text).toMatch(/^<!DOCTYPE html>[^]*<title>Error<\/title>/);
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
      return;
    }
    expect(comparable(JSON.parse(text))).toEqual(comparable(response.body));
  });
});

const Receipt = z.object({ id: z.string(), ipfs: z.string(), relayer: z.unknown() });

const ProposalAnswer = z.object({ data: z.object({ proposal: z.record(z.string(), z.unknown()) }) });

/** Without what cannot repeat: a receipt's CID and relayer are each server's own; prices and the time of counting are not played. */
function comparable(body: unknown): unknown {
  const receipt = Receipt.safeParse(body);
  if (receipt.success) return { id: receipt.data.id };
  const answer = ProposalAnswer.safeParse(body);
  if (!answer.success) return body;
  const { scores_updated, scores_total_value, vp_value_by_strategy, ...proposal } = answer.data.data.proposal;
  const served = [scores_updated, scores_total_value, vp_value_by_strategy].every((value) => value !== undefined);
  return { proposal, served };
}
