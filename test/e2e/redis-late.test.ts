/** A worker that is started while Redis is away: alive, not ready, and ready as soon as it says so. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SpaceId } from '@quorum/snapshot/proposal';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startChild, type Child } from '../../scripts/child.ts';
import { makeDemoSigner } from '../../scripts/demo-signer.ts';
import { freePort } from '../../scripts/ports.ts';
import { ensureSecrets } from '../../scripts/secrets.ts';
import { serviceEnv, upstreamsOf, type ServiceName } from '../../scripts/services.ts';
import { readSettings } from '../../scripts/start-settings.ts';
import { urlOf } from '@quorum/shared/probe';
import { startTestRedis, type TestRedis } from '../redis.ts';
import { until } from '../stack.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe.each(['fetcher', 'decider', 'voter'] as const)('the %s, started while Redis is away', (name: ServiceName) => {
  let dir = '';
  let redis: TestRedis;
  let child: Child;
  let url = '';
  /** Whatever it asks of hub, sequencer or model is not answered until the test does so. */
  const asked: ServerResponse[] = [];
  const upstream = createServer((_request, response) => void asked.push(response));

  /** The status of this path; null while nobody listens. */
  const status = (of: string): Promise<number | null> =>
    fetch(`${url}${of}`).then(
      (answer) => answer.status,
      () => null,
    );

  async function endsInOrder(): Promise<void> {
    await child.stop();
    const how = await child.ended;
    expect(how, child.lastLines().join('\n')).toBe('exit code 0');
  }

  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'quorum-late-'));
    redis = await startTestRedis({ appendonly: true });
    await once(upstream.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(async () => {
    upstream.closeAllConnections();
    upstream.close();
    await redis.stop();
    await rm(dir, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await redis.kill9();
    asked.length = 0;
    const settings = readSettings({}, dir);
    const { secrets } = settings.folders;
    await ensureSecrets({ dir: secrets });
    await makeDemoSigner({ dir: secrets, owner: settings.owner, space: SpaceId.parse('late.eth') });
    const upstreams = upstreamsOf(settings, urlOf(upstream.address(), '127.0.0.1'));
    const around = {
      root: ROOT,
      settings,
      sources: { env: process.env, file: {}, path: null },
      redisUrl: redis.url,
      upstreams,
    };
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    child = startChild({
      name,
      cwd: ROOT,
      args: [path.join(ROOT, 'services', name, 'src/main.ts')],
      env: { ...serviceEnv(name, around), METRICS_PORT: String(port) },
      logFile: path.join(dir, `${name}.log`),
      onLine: () => undefined,
    });
    await until(`the ${name} to be alive`, async () => (await status('/health/live')) === 200);
    expect(await status('/health/ready')).toBe(503);
    return async () => {
      child.kill();
      await child.ended;
    };
  });

  test('says that it is ready once it is, and not before', async () => {
    const order: string[] = [];
    const ready = child.ready.then(() => order.push('ready'));
    // A second look: by then it has said whatever it says before Redis is there.
    expect(await status('/health/ready')).toBe(503);
    order.push('redis');
    await redis.restart();
    await ready;
    expect(await status('/health/ready')).toBe(200);
    expect(order).toEqual(['redis', 'ready']);
  });

  test('ends in order when Redis has gone again', async () => {
    await redis.restart();
    await child.ready;
    await redis.kill9();
    await until('it to see that', async () => (await status('/health/ready')) === 503);
    await endsInOrder();
  });

  // The voter asks the hub for the end of its alias as it starts. An answer that all are to heed is written down, which waits for Redis.
  const onlyOfVoter = name === 'voter' ? [name] : [];
  test.each(onlyOfVoter)('ends in order when Redis has gone before what the hub says to the %s', async () => {
    await redis.restart();
    await child.ready;
    await until('it to ask the hub', async () => asked.length > 0);
    await redis.kill9();
    await until('it to see that', async () => (await status('/health/ready')) === 503);
    for (const response of asked.splice(0)) {
      response.writeHead(429, { 'retry-after': '20' }).end();
      await once(response, 'finish');
    }
    // By the second look what was answered before the first has been read.
    for (let look = 0; look < 2; look += 1) expect(await status('/health/live')).toBe(200);
    await endsInOrder();
  });

  test('ends in order when it is told to', async () => {
    await endsInOrder();
    expect(child.lastLines().join('\n')).not.toContain('could not start');
  });
});
