/**
 * A signer for the sandbox: a main wallet that exists for nothing else, and an alias that votes for it. Plain key files, which
 * only the sandbox may have; it refuses to do anything with a sequencer that could be a real one.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { isLive } from '@quorum/shared/config';
import type { OwnerId } from '@quorum/shared/ids';
import { readSecretFile } from '@quorum/shared/secret-file';
import { assembleAliasEnvelope, buildAlias } from '@quorum/snapshot/envelope';
import { createHub } from '@quorum/snapshot/hub';
import { Address, type SpaceId } from '@quorum/snapshot/proposal';
import { createSequencer } from '@quorum/snapshot/sequencer';
import { Wallet } from 'ethers';
import { SIGNERS_FILE, writeOnce } from './secrets.ts';

const TIMEOUT_MS = 10_000;

export interface DemoSigner {
  /** The secrets folder. */
  readonly dir: string;
  readonly owner: OwnerId;
  readonly space: SpaceId;
}

export interface SandboxUrls {
  readonly sequencerUrl: string;
  readonly hubUrl: string;
}

/** It was asked for outside the sandbox, or the sandbox did not take the alias. */
export class DemoSignerError extends Error {
  override readonly name = 'DemoSignerError';
}

/** Both of `makeDemoSigner` and `announceDemoSigner`. */
export async function ensureDemoSigner(signer: DemoSigner & SandboxUrls): Promise<void> {
  refuseLive(signer);
  await makeDemoSigner(signer);
  await announceDemoSigner(signer);
}

/** Makes the two wallets and `signers.json`, where they are missing. */
export async function makeDemoSigner({ dir, owner, space }: DemoSigner): Promise<void> {
  const { main } = await wallets(dir);
  const signers = {
    [owner]: { voter: main.address, kind: 'alias', key_file: 'alias.key', allowed_spaces: [space], votes_per_day: 50 },
  };
  const file = path.join(dir, SIGNERS_FILE);
  // With nobody in it, it is the one that setup makes for a live hub; with somebody in it, it is not ours to change.
  if (existsSync(file) && readSecretFile(file) === '{}') await rm(file);
  await writeOnce(file, `${JSON.stringify(signers, null, 2)}\n`);
}

/**
 * Tells the sandbox that the alias votes for the main wallet: on each of its starts, as it forgets.
 * @throws DemoSignerError
 */
export async function announceDemoSigner({ dir, ...urls }: Pick<DemoSigner, 'dir'> & SandboxUrls): Promise<void> {
  refuseLive(urls);
  const { main, alias } = await wallets(dir);
  const from = Address.parse(main.address);
  const unsigned = buildAlias({
    from,
    alias: Address.parse(alias.address),
    timestamp: Math.floor(Date.now() / 1000),
  });
  const sig = await main.signTypedData(unsigned.domain, unsigned.types, unsigned.message);
  const sequencer = createSequencer({ url: urls.sequencerUrl, timeoutMs: TIMEOUT_MS });
  const answer = await sequencer.submit(assembleAliasEnvelope(from, sig, unsigned));
  // What counts is what the hub says: a second start within the same second is refused as a duplicate, and all is well.
  const hub = createHub({ url: urls.hubUrl, timeoutMs: TIMEOUT_MS });
  const known = await hub.alias({ address: from, alias: Address.parse(alias.address) });
  if (!known) throw new DemoSignerError(`the sandbox did not take the alias: ${JSON.stringify(answer)}`);
}

function refuseLive({ sequencerUrl, hubUrl }: SandboxUrls): void {
  if (!isLive(sequencerUrl) && !isLive(hubUrl)) return;
  throw new DemoSignerError(`${sequencerUrl} is not the sandbox: the demo's keys are for the sandbox alone`);
}

async function wallets(dir: string): Promise<{ main: Wallet; alias: Wallet }> {
  return {
    main: await walletIn(path.join(dir, 'demo/main.key')),
    alias: await walletIn(path.join(dir, 'voter/alias.key')),
  };
}

/** The wallet whose key is in the file, as 64 hex digits; a new one if there is no file. */
async function walletIn(file: string): Promise<Wallet> {
  // Only where there is none: to make one takes longer than all else that is done with it.
  if (!existsSync(file)) await writeOnce(file, Wallet.createRandom().privateKey.slice(2));
  return new Wallet(`0x${readSecretFile(file)}`);
}
