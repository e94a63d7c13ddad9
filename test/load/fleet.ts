/**
 * What the load runs against: Redis as it is in use (every write synced), the sandbox and the services, each a process of its own,
 * in a temporary folder that is removed at the end; and many owners, each with a key of the API, a voter and an alias.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { World } from '@quorum/sandbox/world';
import { createApiKeys } from '@quorum/shared/api-keys';
import { OwnerId } from '@quorum/shared/ids';
import { readKeyFile } from '@quorum/shared/secret-file';
import { enableVoting } from '@quorum/shared/voting';
import type { SignersFile } from '@quorum/voter/signer-entry';
import { Wallet } from 'ethers';
import { Redis } from 'ioredis';
import { startChild, type Child } from '../../scripts/child.ts';
import { ensureSecrets, SECRETS, SIGNERS_FILE } from '../../scripts/secrets.ts';
import { SERVICES, serviceEnv, upstreamsOf, type ServiceName } from '../../scripts/services.ts';
import { readSources } from '../../scripts/settings-file.ts';
import { readSettings } from '../../scripts/start-settings.ts';
import { startTestRedis } from '../redis.ts';
import { UNLIMITED } from '../unlimited.ts';
import { NO_BUDGET } from './no-budget.ts';
import { LIVE_SPACE } from './world.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COLLECTS = path.join(ROOT, 'test/load/collect-garbage.ts');

/** Of every service. All of it is said in docs/performance.md: what is measured is measured under it. */
const SETTINGS = {
  // Answers as `careful`, after the latency that the control API is told.
  DECIDER_MODELS: 'slow',
  // A decision is waiting for a model, nearly all of its time.
  CONCURRENCY: '100',
  RATE_LIMIT_WINDOW_S: '60',
  ...NO_BUDGET,
  ...UNLIMITED,
} as const;

/** Every proposal is decided, and every ballot cast that there is. */
const PREFERENCES = {
  voting_strategy: 'aggressive',
  confidence_threshold: 0,
  max_proposals_per_run: 10,
  approval: 'never',
} as const;

export type LoadOwner = { readonly owner: OwnerId; readonly apiKey: string };

export type Fleet = {
  readonly url: string;
  readonly sandboxUrl: string;
  readonly redis: Redis;
  readonly redisUrl: string;
  readonly owners: readonly LoadOwner[];
  readonly aliases: NonNullable<World['aliases']>;
  readonly services: ReadonlyMap<ServiceName, { readonly pid: number; readonly url: string }>;
  readonly control: (method: string, command: string, body?: unknown) => Promise<unknown>;
  readonly stop: () => Promise<void>;
};

/**
 * `spaces`: where the signer of the nth may vote, beside the space of the live runs. In any other nobody looks for their votes or their
 * power.
 */
export async function startFleet(count: number, spaces: (nth: number) => readonly string[] = () => []): Promise<Fleet> {
  const dir = await mkdtemp(path.join(tmpdir(), 'quorum-load-'));
  const cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => rm(dir, { recursive: true, force: true }));
  const keep = (child: Child): Child => {
    cleanUp.defer(() => child.stop());
    return child;
  };
  try {
    const server = await startTestRedis({ appendonly: true });
    cleanUp.defer(() => server.stop());
    const redis = new Redis(server.url);
    cleanUp.defer(() => redis.disconnect());
    const sandbox = keep(
      startChild({
        name: 'sandbox',
        cwd: ROOT,
        args: [path.join(ROOT, 'packages/sandbox/src/main.ts'), '--port', '0', '--world', 'empty'],
        env: process.env,
        logFile: path.join(dir, 'sandbox.log'),
        onLine: () => undefined,
      }),
    );
    const sandboxUrl = await sandbox.ready;

    const settings = readSettings({}, dir);
    const { secrets, owners: folder } = settings.folders;
    await ensureSecrets({ dir: secrets });
    const { owners, aliases } = await makeOwners({ count, spaces, secrets, folder, redis });

    const around = {
      root: ROOT,
      settings,
      sources: readSources({ ...process.env, QUORUM_ENV_FILE: '' }, ROOT),
      redisUrl: server.url,
      upstreams: upstreamsOf(settings, sandboxUrl),
    };
    const started = SERVICES.map((name) => {
      const child = keep(
        startChild({
          name,
          cwd: ROOT,
          args: ['--expose-gc', '--import', COLLECTS, path.join(ROOT, 'services', name, 'src/main.ts')],
          env: { ...serviceEnv(name, around), PORT: '0', METRICS_PORT: '0', ...SETTINGS },
          logFile: path.join(dir, `${name}.log`),
          onLine: () => undefined,
        }),
      );
      return child.ready.then((url) => [name, { pid: child.pid, url: url.replace(/\/$/, '') }] as const);
    });
    const services = new Map(await Promise.all(started));
    return {
      url: services.get('gateway')?.url ?? '',
      sandboxUrl,
      redis,
      redisUrl: server.url,
      owners,
      aliases,
      services,
      async control(method, command, body) {
        const response = await fetch(`${sandboxUrl}/_sandbox/${command}`, {
          method,
          headers: { 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        if (!response.ok) throw new Error(`${method} /_sandbox/${command}: ${await response.text()}`);
        return await response.json();
      },
      stop: () => cleanUp.disposeAsync(),
    };
  } catch (error) {
    await cleanUp.disposeAsync();
    throw error;
  }
}

type OwnersToMake = {
  readonly count: number;
  readonly spaces: (nth: number) => readonly string[];
  /** The folders of the secrets and of the preferences. */
  readonly secrets: string;
  readonly folder: string;
  readonly redis: Redis;
};

async function makeOwners({
  count,
  spaces,
  secrets,
  folder,
  redis,
}: OwnersToMake): Promise<Pick<Fleet, 'owners' | 'aliases'>> {
  const apiKeys = createApiKeys(redis, readKeyFile(path.join(secrets, SECRETS.gatewayMacKey)));
  const made = Array.from({ length: count }, (_, at) => ({
    owner: OwnerId.parse(`owner-${at + 1}`),
    voter: Wallet.createRandom().address,
    alias: Wallet.createRandom(),
    keyFile: `alias-${at + 1}.key`,
  }));
  const signers: SignersFile = {};
  const owners: LoadOwner[] = [];
  for (const [nth, { owner, voter, alias, keyFile }] of made.entries()) {
    await writeFile(path.join(secrets, 'voter', keyFile), alias.privateKey.slice(2), { mode: 0o600 });
    signers[owner] = {
      voter,
      kind: 'alias',
      key_file: keyFile,
      allowed_spaces: [LIVE_SPACE, ...spaces(nth)],
      votes_per_day: 10_000,
    };
    await mkdir(path.join(folder, owner), { recursive: true, mode: 0o700 });
    const file = path.join(folder, owner, 'user_preferences.txt');
    await writeFile(file, JSON.stringify(PREFERENCES), { mode: 0o600 });
    await enableVoting(redis, owner);
    const { text } = await apiKeys.create({ owner, role: 'user', name: 'load', nowMs: Date.now() });
    owners.push({ owner, apiKey: text });
  }
  await writeFile(path.join(secrets, SIGNERS_FILE), JSON.stringify(signers), { mode: 0o600 });
  const created = Math.floor(Date.now() / 1_000);
  return { owners, aliases: made.map(({ voter, alias }) => ({ address: voter, alias: alias.address, created })) };
}
