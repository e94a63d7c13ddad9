/** What `npm run test:testnet` does, against a sandbox that passes for a real Snapshot: by this address it counts as live. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSandbox, type Sandbox } from '@quorum/sandbox/start-sandbox';
import { isLive } from '@quorum/shared/config';
import { assembleAliasEnvelope, buildAlias } from '@quorum/snapshot/envelope';
import { Address } from '@quorum/snapshot/proposal';
import { createSequencer } from '@quorum/snapshot/sequencer';
import { encryptKeystoreJson, Wallet } from 'ethers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../scripts/ports.ts';
import { lookForTestnet, runOnTestnet } from '../testnet.ts';
import { openWorld, proposalId, SPACE } from './world.ts';

let dir: string;
let sandbox: Sandbox;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-testnet-'));
  sandbox = await startSandbox({ world: openWorld() });
});
afterEach(async () => {
  await sandbox.close();
  await rm(dir, { recursive: true, force: true });
});

/** The sandbox, by an address of this machine that is no loopback one. */
const asLive = (): string => sandbox.url.replace('127.0.0.1', '0.0.0.0');

/** A voter whose alias is known to the sandbox, its key in an encrypted file. */
async function variables(): Promise<Record<string, string>> {
  const [main, alias] = [Wallet.createRandom(), Wallet.createRandom()];
  const from = Address.parse(main.address);
  const timestamp = Math.floor(Date.now() / 1_000);
  const unsigned = buildAlias({ from, alias: Address.parse(alias.address), timestamp });
  const signature = await main.signTypedData(unsigned.domain, unsigned.types, unsigned.message);
  await createSequencer({ url: `${sandbox.url}/`, timeoutMs: 10_000 }).submit(
    assembleAliasEnvelope(from, signature, unsigned),
  );
  const [keystore, passphrase] = [path.join(dir, 'keystore.json'), path.join(dir, 'passphrase')];
  const account = { address: alias.address, privateKey: alias.privateKey };
  const encrypted = await encryptKeystoreJson(account, 'correct horse battery', { scrypt: { N: 1_024 } });
  await writeFile(keystore, encrypted, { mode: 0o600 });
  await writeFile(passphrase, 'correct horse battery', { mode: 0o600 });
  return {
    TESTNET_HUB_URL: `${asLive()}/graphql`,
    TESTNET_SEQUENCER_URL: `${asLive()}/`,
    TESTNET_SPACE: SPACE,
    TESTNET_VOTER_ADDRESS: main.address,
    TESTNET_KEYSTORE_FILE: keystore,
    TESTNET_PASSPHRASE_FILE: passphrase,
  };
}

describe('a run on the test network', () => {
  test('votes once by an alias, as if live, and not twice on the same proposal', { timeout: 120_000 }, async () => {
    expect(isLive(asLive())).toBe(true);
    const found = await lookForTestnet(await variables());
    if (found.kind === 'missing') throw new Error(found.why);
    const { first, second, votes, verdict } = await runOnTestnet(found.testnet, path.join(dir, 'data'));
    expect(first).toMatchObject({ status: 'completed', dry_run: false, errors: [] });
    expect(first.votes_cast.map(({ outcome }) => outcome)).toEqual([{ kind: 'cast' }]);
    expect(votes.map(({ id }) => id)).toEqual([first.votes_cast[0]?.receipt?.id]);
    expect(verdict).toMatchObject({ voter: found.testnet.TESTNET_VOTER_ADDRESS, faults: [] });
    // The world has two proposals: each run takes one.
    const voted = [...first.votes_cast, ...second.votes_cast].map(({ proposal_id: id }) => id);
    expect(voted.toSorted()).toEqual([proposalId(0), proposalId(1)]);
    expect(sandbox.world.votes.map(({ proposal }) => proposal).toSorted()).toEqual(voted.toSorted());
  });

  test('is not done without a key, and says what to set', async () => {
    const { TESTNET_KEYSTORE_FILE: _none, ...rest } = await variables();
    expect(await lookForTestnet({ ...rest, TESTNET_SPACE: '' })).toEqual({
      kind: 'missing',
      why: 'set TESTNET_SPACE, TESTNET_KEYSTORE_FILE (docs/operations/testnet.md)',
    });
  });

  test('is not done without a network, and says who does not answer', async () => {
    const url = `http://127.0.0.1:${await freePort()}/graphql`;
    const found = await lookForTestnet({ ...(await variables()), TESTNET_HUB_URL: url });
    expect(found.kind === 'missing' && found.why).toContain(`${url} does not answer: `);
  });

  test.each(['TESTNET_HUB_URL', 'TESTNET_SEQUENCER_URL'])('is refused where votes count: %s', async (name) => {
    const host = name === 'TESTNET_HUB_URL' ? 'hub' : 'seq';
    const given = { ...(await variables()), [name]: `https://${host}.snapshot.org/` };
    await expect(lookForTestnet(given)).rejects.toThrow('votes count there');
  });
});
