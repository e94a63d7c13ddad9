/**
 * What is measured: the gateway as it runs, the bare server, and the one between them, each a process of its own with a Redis of its own,
 * all with the settings that Quorum's has (every write synced). Many owners have a key each. No other service runs: every run stays queued.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createApiKeys } from '@quorum/shared/api-keys';
import { OwnerId } from '@quorum/shared/ids';
import { readKeyFile } from '@quorum/shared/secret-file';
import { Redis } from 'ioredis';
import { ensureSecrets, SECRETS } from '../../scripts/secrets.ts';
import { serviceEnv, upstreamsOf } from '../../scripts/services.ts';
import { readSources } from '../../scripts/settings-file.ts';
import { readSettings } from '../../scripts/start-settings.ts';
import { startTestRedis } from '../../test/redis.ts';
import { UNLIMITED } from '../../test/unlimited.ts';
import { startServer, type ServerProcess } from './server-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BARE = fileURLToPath(new URL('bare-server.ts', import.meta.url));
const RECORDING = fileURLToPath(new URL('recording-server.ts', import.meta.url));
/** Nobody is there: the gateway asks no upstream for a run. */
const NO_SANDBOX = 'http://127.0.0.1:9';

export type Side = { readonly server: ServerProcess; readonly redis: Redis };

export type Stand = {
  readonly ours: Side;
  readonly bare: Side;
  readonly recording: Side;
  /** Of each owner. */
  readonly apiKeys: readonly string[];
  readonly stop: () => Promise<void>;
};

export async function startStand(owners: number): Promise<Stand> {
  const dir = await mkdtemp(path.join(tmpdir(), 'quorum-accepting-'));
  const cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => rm(dir, { recursive: true, force: true }));
  const openRedis = async (): Promise<{ readonly redis: Redis; readonly url: string }> => {
    const { url, stop } = await startTestRedis({ appendonly: true });
    cleanUp.defer(stop);
    const redis = new Redis(url);
    cleanUp.defer(() => redis.disconnect());
    return { redis, url };
  };
  const start = async (args: readonly string[], env: NodeJS.ProcessEnv, name: string): Promise<ServerProcess> => {
    const server = await startServer(args, env, path.join(dir, `${name}.log`));
    cleanUp.defer(() => server.stop());
    return server;
  };
  try {
    const [mine, theirs, between] = [await openRedis(), await openRedis(), await openRedis()];
    const settings = readSettings({}, dir);
    const { secrets } = settings.folders;
    await ensureSecrets({ dir: secrets });
    const apiKeys = createApiKeys(mine.redis, readKeyFile(path.join(secrets, SECRETS.gatewayMacKey)));
    const texts: string[] = [];
    for (let at = 0; at < owners; at += 1) {
      const owner = OwnerId.parse(`owner-${at}`);
      texts.push((await apiKeys.create({ owner, role: 'user', name: 'bench', nowMs: Date.now() })).text);
    }
    const around = {
      root: ROOT,
      settings,
      sources: readSources({ ...process.env, QUORUM_ENV_FILE: '' }, ROOT),
      redisUrl: mine.url,
      upstreams: upstreamsOf(settings, NO_SANDBOX),
    };
    // A busy machine makes Redis slow: that is no outage here.
    const env = { ...serviceEnv('gateway', around), PORT: '0', ENQUEUE_TIMEOUT_MS: '10000', ...UNLIMITED };
    const gateway = path.join(ROOT, 'services/gateway/src/main.ts');
    const ours = await start([gateway], env, 'gateway');
    const bare = await start([BARE, theirs.url], process.env, 'bare');
    const recording = await start([RECORDING, between.url, String(owners)], process.env, 'recording');
    return {
      ours: { server: ours, redis: mine.redis },
      bare: { server: bare, redis: theirs.redis },
      recording: { server: recording, redis: between.redis },
      apiKeys: texts,
      stop: () => cleanUp.disposeAsync(),
    };
  } catch (error) {
    await cleanUp.disposeAsync();
    throw error;
  }
}
