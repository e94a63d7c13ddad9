/**
 * One run in a space of Snapshot's test network, as an operator goes live: `npm start` with hub and sequencer set, a keystore of
 * their own, an API key, voting resumed by hand. The model is the sandbox's, so it costs nothing and means nothing.
 *
 * What is tried is what the sandbox cannot vouch for: that the real servers take what we sign, and give back what we sent.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSandbox } from '@quorum/sandbox/start-sandbox';
import { verifyAudit, type Verdict } from '@quorum/shared/audit-verify';
import type { AgentRunResponse } from '@quorum/shared/run';
import { readSecretFile } from '@quorum/shared/secret-file';
import { createHub, type HubVote } from '@quorum/snapshot/hub';
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import { SignerKind } from '@quorum/voter/signers-config';
import { z } from 'zod';
import { agentRun } from '../scripts/agent-run.ts';
import { freePort } from '../scripts/ports.ts';
import { SECRETS } from '../scripts/secrets.ts';
import { SANDBOX_PRICES } from '../scripts/services.ts';
import { until } from './stack.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TIMEOUT_MS = 30_000;
/** The network on which votes count. */
const REAL = /^(hub|seq)\.snapshot\.(org|box)$/;

const Upstream = z
  .url({ protocol: /^https?$/ })
  .refine((url) => !REAL.test(new URL(url).hostname), { error: 'is not of the test network: votes count there' });

const Variables = z.object({
  TESTNET_HUB_URL: Upstream.default('https://testnet.hub.snapshot.org/graphql'),
  TESTNET_SEQUENCER_URL: Upstream.default('https://testnet.seq.snapshot.org/'),
  TESTNET_SPACE: SpaceId,
  TESTNET_VOTER_ADDRESS: Address,
  TESTNET_SIGNER_KIND: SignerKind.default('alias'),
  TESTNET_KEYSTORE_FILE: z.string(),
  TESTNET_PASSPHRASE_FILE: z.string(),
});
export type Testnet = z.infer<typeof Variables>;

/** Whether there is what a run needs, and the network. A variable that is set and not right is no reason to skip: it throws. */
export async function lookForTestnet(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly kind: 'there'; readonly testnet: Testnet } | { readonly kind: 'missing'; readonly why: string }> {
  const needed = ['TESTNET_SPACE', 'TESTNET_VOTER_ADDRESS', 'TESTNET_KEYSTORE_FILE', 'TESTNET_PASSPHRASE_FILE'];
  const missing = needed.filter((name) => (env[name] ?? '') === '');
  if (missing.length > 0) return { kind: 'missing', why: `set ${missing.join(', ')} (docs/operations/testnet.md)` };
  const testnet = Variables.parse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
  try {
    await fetch(testnet.TESTNET_HUB_URL, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { kind: 'missing', why: `${testnet.TESTNET_HUB_URL} does not answer: ${why}` };
  }
  return { kind: 'there', testnet };
}

export type TestnetRun = {
  readonly first: AgentRunResponse;
  /** The same asked again, when nothing has changed. */
  readonly second: AgentRunResponse;
  /** What the hub has of the voter on the proposals that were voted on. */
  readonly votes: readonly HubVote[];
  readonly verdict: Verdict;
};

/** Starts Quorum in this folder, has it vote on one proposal, asks it to do so again, and ends it. */
export async function runOnTestnet(testnet: Testnet, dir: string): Promise<TestnetRun> {
  const model = await startSandbox();
  const child = spawn(process.execPath, [path.join(ROOT, 'scripts/start.ts')], {
    cwd: ROOT,
    env: { ...environment(testnet, dir, `${model.url}/v1`), PORT: String(await freePort()) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  try {
    const gateway = await until('the services', async () => {
      if (child.exitCode !== null) throw new Error(`Quorum did not start:\n${err}`);
      return /API: +(\S+)/.exec(out)?.[1];
    });
    return await vote(testnet, gateway, readSecretFile(path.join(dir, 'secrets', SECRETS.apiKey)));
  } finally {
    child.kill('SIGTERM');
    await ended;
    await model.close();
  }
}

async function vote(testnet: Testnet, gateway: string, apiKey: string): Promise<TestnetRun> {
  const call = async (method: string, route: string, body?: unknown): Promise<string> => {
    const answer = await fetch(new URL(route, gateway), {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${text}`);
    return text;
  };
  const { TESTNET_SPACE: space, TESTNET_VOTER_ADDRESS: voter, TESTNET_HUB_URL: url } = testnet;
  // Nothing is asked of anybody, and whatever the stand-in for a model says is good enough.
  const wants = { approval: 'never', voting_strategy: 'aggressive', confidence_threshold: 0, max_proposals_per_run: 1 };
  await call('PATCH', '/user-preferences', wants);
  await call('POST', '/voting/resume', { scope: 'all' });
  await call('POST', '/voting/resume', { scope: 'owner' });

  const run = async (): Promise<AgentRunResponse> => {
    const client = { gateway, apiKey, onProgress: () => undefined, signal: new AbortController().signal };
    const { result } = await agentRun({ space_id: space, dry_run: false }, client);
    if (result === null) throw new Error('The run has no result.');
    return result;
  };
  const first = await run();
  const hub = createHub({ url, timeoutMs: TIMEOUT_MS });
  const proposals = first.votes_cast.map(({ proposal_id: id }) => id);
  const votes = proposals.length === 0 ? [] : await hub.votes({ voter, proposals });
  const verdict = await until('the audit chain of the vote', async () => {
    const lines = (await call('GET', '/audit')).split('\n').slice(0, -1);
    const found = verifyAudit(lines, { heads: [], votes, keys: [] });
    return found.votes.cast === votes.length && found;
  });
  // The next proposal may be another one, and is fair game; the first is not.
  return { first, second: await run(), votes, verdict };
}

function environment(testnet: Testnet, dir: string, model: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    NODE_V8_COVERAGE: process.env['NODE_V8_COVERAGE'],
    QUORUM_DATA_DIR: dir,
    QUORUM_ENV_FILE: '',
    SNAPSHOT_HUB_URL: testnet.TESTNET_HUB_URL,
    SNAPSHOT_SEQUENCER_URL: testnet.TESTNET_SEQUENCER_URL,
    OPENAI_BASE_URL: model,
    OPENAI_API_KEY: 'sandbox',
    DECIDER_MODELS: 'careful',
    MODEL_PRICES: SANDBOX_PRICES,
    VOTER_ADDRESS: testnet.TESTNET_VOTER_ADDRESS,
    SIGNER_KIND: testnet.TESTNET_SIGNER_KIND,
    SIGNER_KEYSTORE_FILE: path.resolve(testnet.TESTNET_KEYSTORE_FILE),
    SIGNER_PASSPHRASE_FILE: path.resolve(testnet.TESTNET_PASSPHRASE_FILE),
    ALLOWED_SPACES: testnet.TESTNET_SPACE,
    ...(testnet.TESTNET_SIGNER_KIND === 'own_key' ? { ALLOW_MAIN_KEY: '1' } : {}),
  };
}
