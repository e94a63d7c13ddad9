/** Sealed votes, with Shutter's own encryption: kept as ciphertext, opened by the proposal's key, counted from then on. */
import shutterCrypto from '@shutter-network/shutter-crypto';
import { getBytes, hexlify, randomBytes, Wallet } from 'ethers';
import { beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ask, call } from '../../test/client.ts';
import { signVote } from '../../test/envelopes.ts';
import { NOW, SPACE, smallWorld } from '../../test/small-world.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';
import { decryptionKeyOf, EON_PUBLIC_KEY } from './shutter-keys.ts';

const PROPOSAL = `0x${'5e'.repeat(32)}`;
const END = NOW + 100;
const sealed = { id: PROPOSAL, space: SPACE, title: 'Sealed', choices: ['Alpha', 'Beta'], start: NOW - 10, end: END };
const world = { ...smallWorld(), proposals: [{ ...sealed, privacy: 'shutter' as const }] };

beforeAll(() => shutterCrypto.init());
let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox({ world });
});
afterEach(() => sandbox.close());

async function seal(choice: unknown, eonPublicKey = EON_PUBLIC_KEY): Promise<string> {
  const plain = Buffer.from(JSON.stringify(choice));
  return hexlify(await shutterCrypto.encrypt(plain, getBytes(eonPublicKey), getBytes(PROPOSAL), randomBytes(32)));
}

async function cast(choice: string): Promise<void> {
  // Sealed votes are signed as text, whatever the voting type.
  const parts = { space: SPACE, proposal: PROPOSAL, type: 'weighted', choice, timestamp: NOW } as const;
  const { status, body } = await call('POST', sandbox.url, await signVote(Wallet.createRandom(), parts));
  expect({ status, body }).toMatchObject({ status: 200 });
}

const Standing = z.object({ scores: z.array(z.number()), scores_total: z.number(), scores_state: z.string() });

async function standing(): Promise<{ choices: unknown; proposal: z.output<typeof Standing> }> {
  const query = `query ($id: String!) {
    proposal(id: $id) { scores scores_total scores_state }
    votes(where: {proposal: $id}, orderBy: "vp") { choice }
  }`;
  const { proposal, votes } = await ask(sandbox.url, query, { id: PROPOSAL });
  const choices = z.array(z.object({ choice: z.unknown() })).parse(votes);
  return { choices: choices.map(({ choice }) => choice), proposal: Standing.parse(proposal) };
}

function control(path: string, body: unknown) {
  return call('POST', `${sandbox.url}/_sandbox${path}`, body);
}

test("the sandbox's keys are a pair by Shutter's own check", async () => {
  const [key, eon, id] = [decryptionKeyOf(PROPOSAL), EON_PUBLIC_KEY, PROPOSAL].map((hex) => getBytes(hex));
  if (!key || !eon || !id) throw new Error('three keys in, three keys out');
  expect(await shutterCrypto.verifyDecryptionKey(key, eon, id)).toBe(true);
  expect(await shutterCrypto.verifyDecryptionKey(key, eon, getBytes(`0x${'5f'.repeat(32)}`))).toBe(false);
  const told = await call('GET', `${sandbox.url}/_sandbox/shutter`);
  expect(told.body).toEqual({ eon_public_key: EON_PUBLIC_KEY });
});

describe('a sealed proposal', () => {
  test('is closed and pending until its key is out; garbage never counts', async () => {
    const good = await seal(2);
    await cast(good);
    for (const garbage of ['0x', '0x00', `0x${'00'.repeat(192)}`, await seal(9), await seal('2')]) await cast(garbage);
    await control('/clock', { now: END + 1 });
    const before = await standing();
    expect(before.proposal).toEqual({ scores: [0, 0], scores_total: 600, scores_state: 'pending' });
    expect(before.choices).toContain(good);

    expect((await control('/shutter', { proposal: PROPOSAL })).status).toBe(200);
    const after = await standing();
    expect(after.proposal).toEqual({ scores: [0, 100], scores_total: 600, scores_state: 'final' });
    expect(after.choices).toContain(2);
    expect(after.choices).toContain('0x00');
  });

  test('keeps its key while it is open', async () => {
    const answer = await control('/shutter', { proposal: PROPOSAL });
    expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringContaining('is not closed yet') } });
    await call('GET', `${sandbox.url}/scores/${PROPOSAL}`);
    await cast(await seal(1));
    expect((await standing()).proposal).toMatchObject({ scores: [0, 0], scores_state: 'pending' });
  });

  test('opens by itself where the world says so', async () => {
    const proposals = [{ ...sealed, privacy: 'shutter', shutter: { release: 'at_close' } }];
    await call('PATCH', `${sandbox.url}/_sandbox/world`, { proposals });
    await cast(await seal(1));
    await control('/clock', { now: END + 1 });
    expect(await standing()).toMatchObject({ choices: [1], proposal: { scores: [100, 0], scores_state: 'final' } });
  });

  test('opens with the keys that its world brings, and with no others', async () => {
    // The key of another proposal.
    const keys = { eon_public_key: EON_PUBLIC_KEY, decryption_key: decryptionKeyOf(`0x${'5f'.repeat(32)}`) };
    await call('PATCH', `${sandbox.url}/_sandbox/world`, {
      proposals: [{ ...sealed, privacy: 'shutter', shutter: keys }],
    });
    const choice = await seal(1);
    await cast(choice);
    await control('/clock', { now: END + 1 });
    await control('/shutter', { proposal: PROPOSAL });
    expect(await standing()).toMatchObject({ choices: [choice], proposal: { scores: [0, 0] } });
  });
});
