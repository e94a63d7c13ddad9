/** Voting over HTTP: signed by a wallet made here, accepted, read back from the hub. */
import { hashMessage, recoverAddress, TypedDataEncoder, Wallet } from 'ethers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { VotingType } from '@quorum/snapshot/proposal';
import { ask, call } from '../../test/client.ts';
import { signAlias, signVote, type VoteParts } from '../../test/envelopes.ts';
import { NOW, proposalOf, SPACE, smallWorld } from '../../test/small-world.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';

const Receipt = z.object({
  id: z.string(),
  ipfs: z.string().regex(/^bafkrei[a-z2-7]{52}$/),
  relayer: z.object({ address: z.string(), receipt: z.string() }),
});

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ world: smallWorld() });
});
afterEach(() => sandbox.close());

function vote(type: VotingType, choice: unknown, more: Partial<VoteParts> = {}): VoteParts {
  return { space: SPACE, proposal: proposalOf(type), type, choice, timestamp: NOW, ...more };
}

function idOf({ data }: Awaited<ReturnType<typeof signVote>>): string {
  return TypedDataEncoder.hash(data.domain, data.types, data.message);
}

function submit(envelope: unknown) {
  return call('POST', `${sandbox.url}/`, envelope);
}

async function votesOf(voter: string): Promise<unknown> {
  const query = '{ votes(where: {voter: "VOTER"}) { id choice created reason vp } }'.replace(
    'VOTER',
    voter.toLowerCase(),
  );
  return (await ask(sandbox.url, query))['votes'];
}

async function scoresOf(type: VotingType): Promise<unknown> {
  const query = 'query ($id: String!) { proposal(id: $id) { scores scores_total votes } }';
  return (await ask(sandbox.url, query, { id: proposalOf(type) }))['proposal'];
}

describe('a vote of each voting type is accepted, read back and counted', () => {
  test.each<{ type: VotingType; choice: unknown; stored: unknown; scores: number[]; total: number }>([
    { type: 'basic', choice: 2, stored: 2, scores: [0, 100, 0], total: 100 },
    { type: 'single-choice', choice: 3, stored: 3, scores: [0, 0, 100], total: 100 },
    { type: 'approval', choice: [1, 3], stored: [1, 3], scores: [100, 0, 100], total: 100 },
    { type: 'ranked-choice', choice: [2, 3, 1], stored: [2, 3, 1], scores: [0, 100, 0], total: 100 },
    { type: 'copeland', choice: [3, 2, 1], stored: [3, 2, 1], scores: [0, (2 / 6) * 100, (4 / 6) * 100], total: 100 },
    { type: 'weighted', choice: '{"1":70,"3":30}', stored: { 1: 70, 3: 30 }, scores: [70, 0, 30], total: 100 },
    { type: 'quadratic', choice: '{"2":1,"3":1}', stored: { 2: 1, 3: 1 }, scores: [0, 50, 50], total: 100 },
  ])('$type', async ({ type, choice, stored, scores, total }) => {
    const wallet = Wallet.createRandom();
    const envelope = await signVote(wallet, vote(type, choice, { reason: 'because' }));
    const answer = await submit(envelope);
    expect(answer.status).toBe(200);

    const receipt = Receipt.parse(answer.body);
    expect(receipt.id).toBe(idOf(envelope));
    expect(recoverAddress(hashMessage(envelope.sig), receipt.relayer.receipt)).toBe(receipt.relayer.address);
    expect(await votesOf(wallet.address)).toEqual([
      { id: receipt.id, choice: stored, created: NOW, reason: 'because', vp: 100 },
    ]);
    expect(await scoresOf(type)).toEqual({ scores, scores_total: total, votes: 1 });
  });
});

describe('changing a vote', () => {
  test('a later message replaces the vote, its id and its count; messages keeps both', async () => {
    const wallet = Wallet.createRandom();
    await submit(await signVote(wallet, vote('basic', 1, { timestamp: NOW - 10 })));
    const second = await submit(await signVote(wallet, vote('basic', 2)));
    expect(second.status).toBe(200);
    expect(await votesOf(wallet.address)).toMatchObject([{ id: Receipt.parse(second.body).id, choice: 2 }]);
    expect(await scoresOf('basic')).toEqual({ scores: [0, 100, 0], scores_total: 100, votes: 1 });
    expect(sandbox.world.messages).toHaveLength(2);
  });

  test('a message dated earlier is refused, although it arrives later', async () => {
    const wallet = Wallet.createRandom();
    await submit(await signVote(wallet, vote('basic', 1)));
    const second = await submit(await signVote(wallet, vote('basic', 2, { timestamp: NOW - 10 })));
    expect(second).toMatchObject({ status: 400, body: { error_description: 'already voted at later time' } });
    expect(await votesOf(wallet.address)).toMatchObject([{ choice: 1 }]);
  });

  test('of two messages of one second the higher id stays, whichever comes first', async () => {
    const wallet = Wallet.createRandom();
    const [one, two] = await Promise.all([1, 2].map((choice) => signVote(wallet, vote('basic', choice))));
    const answers = [await submit(one), await submit(two)];
    const refused = answers.filter(({ status }) => status === 400);
    expect(await votesOf(wallet.address)).toHaveLength(1);
    for (const { body } of refused) {
      expect(body).toMatchObject({ error_description: 'already voted same time with lower index' });
    }
    const [first = '', second = ''] = [one, two].map((envelope) => envelope && idOf(envelope));
    expect(await votesOf(wallet.address)).toMatchObject([{ id: first > second ? first : second }]);
  });

  test('the same bytes again are a duplicate', async () => {
    const envelope = await signVote(Wallet.createRandom(), vote('basic', 1));
    await submit(envelope);
    expect(await submit(envelope)).toMatchObject({ status: 400, body: { error_description: 'duplicate message' } });
  });
});

describe('an alias', () => {
  test('votes for the voter who named it', async () => {
    const [main, alias] = [Wallet.createRandom(), Wallet.createRandom()];
    const byAlias = vote('basic', 1, { from: main.address });
    expect(await submit(await signVote(alias, byAlias))).toMatchObject({ body: { error_description: 'wrong alias' } });

    expect((await submit(await signAlias(main, alias.address, NOW))).status).toBe(200);
    const query =
      'query ($a: String, $b: String) { aliases(where: {address: $a, alias: $b, created_gt: 1}) { created } }';
    const found = await ask(sandbox.url, query, { a: main.address, b: alias.address });
    expect(found['aliases']).toEqual([{ created: NOW }]);

    expect((await submit(await signVote(alias, byAlias))).status).toBe(200);
    expect(await votesOf(main.address)).toMatchObject([{ choice: 1 }]);
    expect(await votesOf(alias.address)).toEqual([]);
  });

  test('lapses after 30 days', async () => {
    const [main, alias] = [Wallet.createRandom(), Wallet.createRandom()];
    const old = { id: '0xa1', address: main.address, alias: alias.address, created: NOW - 30 * 24 * 60 * 60 };
    await call('PATCH', `${sandbox.url}/_sandbox/world`, { aliases: [old] });
    const late = await submit(await signVote(alias, vote('basic', 1, { from: main.address })));
    expect(late).toMatchObject({ status: 400, body: { error_description: 'wrong alias' } });
  });
});

test('a signature over another choice is refused', async () => {
  const envelope = await signVote(Wallet.createRandom(), vote('basic', 1));
  const tampered = { ...envelope, data: { ...envelope.data, message: { ...envelope.data.message, choice: 2 } } };
  expect(await submit(tampered)).toMatchObject({
    status: 400,
    body: { error_description: 'signature validation failed' },
  });
  expect(sandbox.world.votes).toEqual([]);
});

test('the same body twice at once is worked on once', async () => {
  await call('POST', `${sandbox.url}/_sandbox/faults`, { endpoint: 'sequencer', count: 1, latency_ms: 200 });
  const envelope = await signVote(Wallet.createRandom(), vote('basic', 1));
  const answers = await Promise.all([submit(envelope), submit(envelope)]);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 425]));
});

test('in maintenance nothing is taken, and the same body is in flight from then on', async () => {
  await call('POST', `${sandbox.url}/_sandbox/faults`, { endpoint: 'sequencer', count: 1, fails: 'maintenance' });
  const envelope = await signVote(Wallet.createRandom(), vote('basic', 1));
  expect(await submit(envelope)).toMatchObject({
    status: 503,
    body: { error: 'server_error', error_description: 'update in progress, try later' },
  });
  expect([(await submit(envelope)).status, (await submit(envelope)).status]).toEqual([425, 425]);
  expect((await submit(await signVote(Wallet.createRandom(), vote('basic', 1)))).status).toBe(200);

  await call('PUT', `${sandbox.url}/_sandbox/world`, smallWorld());
  expect((await submit(envelope)).status).toBe(200);
});

test('what cannot be pinned is not stored, and may be sent again', async () => {
  await call('POST', `${sandbox.url}/_sandbox/faults`, { endpoint: 'sequencer', count: 1, fails: 'pinning' });
  const envelope = await signVote(Wallet.createRandom(), vote('basic', 1));
  expect(await submit(envelope)).toMatchObject({ status: 400, body: { error_description: 'pinning failed' } });
  expect(sandbox.world.votes).toEqual([]);
  expect((await submit(envelope)).status).toBe(200);
});
