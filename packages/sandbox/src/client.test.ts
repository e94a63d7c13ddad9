/** Quorum's own Snapshot client against the sandbox: what it asks is served, and what it signs is taken. */
import { Wallet } from 'ethers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assembleEnvelope, buildVote } from '@quorum/snapshot/envelope';
import { createHub } from '@quorum/snapshot/hub';
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import { checkReceipt } from '@quorum/snapshot/receipt';
import { createSequencer } from '@quorum/snapshot/sequencer';
import { allActive } from '../../snapshot/test/hub-answers.ts';
import { startSandbox, type Sandbox } from './start-sandbox.ts';
import { DEMO_SPACE, demoWorld } from './worlds/demo.ts';

const NOW = 1_800_000_000;
const space = SpaceId.parse(DEMO_SPACE);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ world: { ...demoWorld({ now: NOW }), now: NOW } });
});
afterAll(() => sandbox.close());

test('reads the demo space and votes on one of its proposals', async () => {
  const hub = createHub({ url: `${sandbox.url}/graphql`, timeoutMs: 5_000 });
  const sequencer = createSequencer({ url: `${sandbox.url}/`, timeoutMs: 5_000 });
  const wallet = Wallet.createRandom();
  const voter = Address.parse(wallet.address);

  expect((await hub.space(space))?.id).toBe(DEMO_SPACE);
  const { proposals, odd } = await allActive(hub, space);
  expect(odd).toEqual([]);
  // The eight that can be voted on, and the one that is flagged.
  expect(proposals).toHaveLength(9);
  const proposal = proposals.find(({ type }) => type === 'weighted');
  if (!proposal) throw new Error('the demo has no weighted proposal');
  expect(await hub.votingPower({ voter, space, proposal: proposal.id })).toBe(100);

  const unsigned = buildVote({
    voter,
    space,
    proposal,
    ballot: { kind: 'weights', weights: [{ index: 2, label: proposal.choices[1] ?? '', weight: 1 }] },
    reason: 'for the test',
    app: 'quorum',
    metadata: { agent: true },
    timestamp: NOW - 10,
  });
  const sig = await wallet.signTypedData({ ...unsigned.domain }, { Vote: [...unsigned.types.Vote] }, unsigned.message);
  const envelope = assembleEnvelope(voter, sig, unsigned);
  const result = await sequencer.submit(envelope);
  if (result.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(result)}`);
  expect(checkReceipt(result.receipt, envelope)).toEqual({ ok: true });

  const inSpace = { id: result.receipt.id, voter, created: NOW - 10, space, proposal: proposal.id };
  expect(await hub.votesInSpace({ voter, space, since: proposal.start })).toEqual([inSpace]);
  expect(await hub.votesInSpace({ voter, space, since: NOW - 9 })).toEqual([]);
  const again = await hub.proposals(proposals.map(({ id }) => id));
  expect(proposals.map(({ id }) => again.get(id))).toMatchObject(
    proposals.map(({ id }) => ({ ok: true, proposal: { id } })),
  );

  expect(await hub.votes({ voter, proposals: [proposal.id] })).toMatchObject([
    {
      id: result.receipt.id,
      voter,
      created: NOW - 10,
      choice: { 2: 1 },
      app: 'quorum',
      metadata: { agent: true },
      vp: 100,
    },
  ]);
  expect(await sequencer.submit(envelope)).toMatchObject({ kind: 'refused', refusal: { code: 'duplicate' } });
});
