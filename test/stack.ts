/**
 * The whole product for one test file: a Redis, a sandbox and the four services as processes of their own, all on free ports,
 * in a temporary folder that is removed at the end.
 *
 *     let stack: Stack;
 *     beforeAll(async () => { stack = await startStack(); });
 *     afterAll(() => stack.stop());
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSandbox, type Sandbox } from '@quorum/sandbox/start-sandbox';
import type { World } from '@quorum/sandbox/world';
import type { OwnerId } from '@quorum/shared/ids';
import { AgentRunAccepted, AgentRunView, type AgentRunResponse } from '@quorum/shared/run';
import { openRedis } from '@quorum/shared/redis-cluster';
import { enableVoting } from '@quorum/shared/voting';
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import { Wallet } from 'ethers';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { startChild, type Child } from '../scripts/child.ts';
import { ensureDemoSigner } from '../scripts/demo-signer.ts';
import { ensureSecrets, SIGNERS_FILE } from '../scripts/secrets.ts';
import { SERVICES, serviceEnv, upstreamsOf, type ServiceName } from '../scripts/services.ts';
import { readSources } from '../scripts/settings-file.ts';
import { readSettings } from '../scripts/start-settings.ts';
import { startTestRedis, type TestRedis } from './redis.ts';
import { UNLIMITED } from './unlimited.ts';
import { until } from './until.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export type StackOptions = {
  readonly world: World;
  readonly space: string;
  /** The owner's preference file; none is written where absent. */
  readonly preferences?: Readonly<Record<string, unknown>>;
  /** Settings for every service, on top of the usual ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** The settings file that every service reads; none where absent. */
  readonly envFile?: string;
  /** Which services to start; all of them where absent. */
  readonly services?: readonly ServiceName[];
  readonly appendonly?: boolean;
  readonly redisPassword?: string;
  /** A Redis that runs already, which the stack ends; one of its own where absent. */
  readonly redisServer?: TestRedis;
  /** The owner's signer is an encrypted keystore with this passphrase, as it is live; absent: a plain key. */
  readonly passphrase?: string;
  /** Further spaces in which the owner's signer may vote. */
  readonly moreSpaces?: readonly string[];
  /** The way that the services take to Redis: given its port, gives the port that they are told. Absent: straight there. */
  readonly lineToRedis?: (port: number) => Promise<number>;
};

/** What a request asks for; the stack's own space where it names none. */
export type RunAsked = { readonly dry_run?: boolean; readonly space_id?: string };

export type Stack = {
  readonly redis: Redis;
  readonly redisServer: TestRedis;
  readonly sandbox: Sandbox;
  readonly owner: OwnerId;
  readonly voter: Address;
  /** The base of the gateway's URL. */
  readonly url: string;
  /** Sends a run and waits for its end. */
  readonly run: (request?: RunAsked) => Promise<AgentRunResponse>;
  readonly post: (request?: RunAsked) => Promise<AgentRunAccepted>;
  readonly view: (runId: string) => Promise<AgentRunView>;
  readonly finished: (runId: string) => Promise<AgentRunResponse>;
  /** Starts a process of the service, beside those that run. */
  readonly start: (service: ServiceName, env?: Readonly<Record<string, string>>) => Promise<void>;
  /** The processes that run. */
  readonly pids: () => readonly number[];
  /** Kills every process of the service, as a crash would. */
  readonly kill9: (service: ServiceName) => Promise<void>;
  /** Kills the nth of its processes, counted round, and waits. False where none runs. */
  readonly killOne: (service: ServiceName, nth: number) => Promise<boolean>;
  /** Has each process of the service read its settings again. */
  readonly sighup: (service: ServiceName) => void;
  /** How many processes of the service were started and not ended by this stack. */
  readonly running: (service: ServiceName) => number;
  /** Ends every process of the service by SIGTERM and waits; gives back how each ended. */
  readonly sigterm: (service: ServiceName) => Promise<readonly string[]>;
  /** Everything that the services have written so far. */
  readonly logs: () => Promise<string>;
  /** Where each process that runs has its metrics. */
  readonly metricsUrls: () => readonly { readonly service: ServiceName; readonly url: URL }[];
  /** The metrics of every process that runs, as text. */
  readonly scrape: () => Promise<readonly string[]>;
  /** Where the owners' preferences are. */
  readonly owners: string;
  /** Where the keys are; the voter's own is `demo/main.key`. */
  readonly secrets: string;
  /** A command of the sandbox's control API. */
  readonly control: (method: string, command: string, body?: unknown) => Promise<void>;
  readonly writePreferences: (preferences: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly stop: () => Promise<void>;
};

export { until };

export async function startStack(options: StackOptions): Promise<Stack> {
  const dir = await mkdtemp(path.join(tmpdir(), 'quorum-stack-'));
  const redisServer =
    options.redisServer ??
    (await startTestRedis({
      appendonly: options.appendonly ?? false,
      ...(options.redisPassword === undefined ? {} : { password: options.redisPassword }),
    }));
  const redis = openRedis(redisServer.url, { maxRetriesPerRequest: null });
  // The server is killed in some tests; the client comes back by itself.
  redis.on('error', () => undefined);
  const sandbox = await startSandbox({ world: options.world });
  const settings = readSettings({}, dir);
  const space = SpaceId.parse(options.space);
  const { secrets, owners } = settings.folders;
  await ensureSecrets({ dir: secrets });
  const upstreams = upstreamsOf(settings, sandbox.url);
  const { owner } = settings;
  await ensureDemoSigner({ dir: secrets, owner, space, sequencerUrl: upstreams.sequencer, hubUrl: upstreams.hub });
  if (options.moreSpaces !== undefined) await allowSpaces(path.join(secrets, SIGNERS_FILE), owner, options.moreSpaces);
  if (options.passphrase !== undefined) await encryptSigner(secrets, owner, options.passphrase);
  await enableVoting(redis, owner);
  const signers = z.record(z.string(), z.looseObject({ voter: Address }));
  const voter = signers.parse(JSON.parse(await readFile(path.join(secrets, SIGNERS_FILE), 'utf8')))[owner]?.voter;
  if (voter === undefined) throw new Error('The test signer has no voter');

  const writePreferences = async (preferences: Readonly<Record<string, unknown>>): Promise<void> => {
    await mkdir(path.join(owners, owner), { recursive: true, mode: 0o700 });
    await writeFile(path.join(owners, owner, 'user_preferences.txt'), JSON.stringify(preferences), { mode: 0o600 });
  };
  if (options.preferences !== undefined) await writePreferences(options.preferences);

  const children = new Map<ServiceName, Child[]>(SERVICES.map((service) => [service, []]));
  const processesOf = (service: ServiceName): Child[] => children.get(service) ?? [];
  const urls = new Map<Child, string>();
  const logFile = (service: ServiceName): string => path.join(dir, `${service}.log`);
  const { port: redisPort } = new URL(redisServer.url);
  const line = await options.lineToRedis?.(Number(redisPort));
  const redisUrl = line === undefined ? redisServer.url : redisServer.url.replace(`:${redisPort}`, `:${line}`);
  let url = '';
  const start: Stack['start'] = async (service, env = {}) => {
    const around = {
      root: ROOT,
      settings,
      sources: readSources({ ...process.env, QUORUM_ENV_FILE: options.envFile ?? '' }, ROOT),
      redisUrl,
      upstreams,
    };
    const child = startChild({
      name: service,
      cwd: ROOT,
      args: [path.join(ROOT, 'services', service, 'src/main.ts')],
      env: {
        ...serviceEnv(service, around),
        PORT: '0',
        METRICS_PORT: '0',
        RETRY_DELAY_SECONDS: '0.05',
        // What upstreams were asked, and the faults that were set for it, are those of the test.
        UPSTREAM_PING_S: '0',
        // A busy machine makes Redis slow: that is no outage here.
        ENQUEUE_TIMEOUT_MS: '10000',
        ...UNLIMITED,
        ...options.env,
        ...env,
      },
      logFile: logFile(service),
      onLine: () => undefined,
    });
    processesOf(service).push(child);
    const ready = await child.ready;
    urls.set(child, ready);
    if (service === 'gateway') url = ready.replace(/\/$/, '');
  };
  await Promise.all((options.services ?? SERVICES).map((service) => start(service)));

  const metricsUrls: Stack['metricsUrls'] = () =>
    SERVICES.flatMap((service) =>
      processesOf(service).map((child) => ({ service, url: new URL('/metrics', urls.get(child)) })),
    );
  const post: Stack['post'] = async (request = {}) => {
    const response = await fetch(`${url}/agent-run`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ space_id: space, ...request }),
    });
    if (response.status !== 202) throw new Error(`POST /agent-run: ${response.status} ${await response.text()}`);
    return AgentRunAccepted.parse(await response.json());
  };
  const view: Stack['view'] = async (runId) => {
    const response = await fetch(`${url}/agent-run/${runId}`);
    if (response.status !== 200) throw new Error(`GET /agent-run: ${response.status} ${await response.text()}`);
    return AgentRunView.parse(await response.json());
  };
  const finished: Stack['finished'] = (runId) =>
    until(`the end of run ${runId}`, async () => {
      const ready = await fetch(`${url}/health/ready`);
      // While Redis is away there is nothing to read; whoever waits asks again.
      return ready.ok ? (await view(runId)).result : null;
    });

  return {
    redis,
    redisServer,
    sandbox,
    owner,
    voter,
    get url() {
      return url;
    },
    post,
    view,
    finished,
    run: async (request) => finished((await post(request)).run_id),
    start,
    secrets,
    owners,
    metricsUrls,
    scrape: () => Promise.all(metricsUrls().map(async (one) => (await fetch(one.url)).text())),
    async kill9(service) {
      for (const child of processesOf(service).splice(0)) {
        child.kill();
        await child.ended;
      }
    },
    pids: () => SERVICES.flatMap((service) => processesOf(service).map(({ pid }) => pid)),
    sighup: (service) => processesOf(service).forEach(({ pid }) => process.kill(pid, 'SIGHUP')),
    running: (service) => processesOf(service).length,
    async killOne(service, nth) {
      const running = processesOf(service);
      const [child] = running.splice(nth % Math.max(1, running.length), 1);
      if (child === undefined) return false;
      child.kill();
      await child.ended;
      return true;
    },
    sigterm: (service) =>
      Promise.all(
        processesOf(service)
          .splice(0)
          .map(async (child) => {
            await child.stop();
            return child.ended;
          }),
      ),
    async logs() {
      const texts = await Promise.all(SERVICES.map((service) => readFile(logFile(service), 'utf8').catch(() => '')));
      return texts.join('');
    },
    async control(method, command, body) {
      const response = await fetch(`${sandbox.url}/_sandbox/${command}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${method} /_sandbox/${command}: ${await response.text()}`);
    },
    writePreferences,
    async stop() {
      for (const service of SERVICES) await Promise.all(processesOf(service).map((child) => child.stop()));
      await sandbox.close();
      redis.disconnect();
      await redisServer.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Adds spaces to those in which the owner's signer may vote. */
async function allowSpaces(file: string, owner: OwnerId, spaces: readonly string[]): Promise<void> {
  const entries = z.record(z.string(), z.looseObject({ allowed_spaces: z.array(z.string()) }));
  const signers = entries.parse(JSON.parse(await readFile(file, 'utf8')));
  const entry = signers[owner];
  if (entry === undefined) throw new Error(`There is no signer of ${owner}`);
  const allowed = { ...entry, allowed_spaces: [...entry.allowed_spaces, ...spaces] };
  await writeFile(file, JSON.stringify({ ...signers, [owner]: allowed }));
}

/** Puts an encrypted keystore and its passphrase in the place of the signer's plain key. */
async function encryptSigner(secrets: string, owner: OwnerId, passphrase: string): Promise<void> {
  const folder = path.join(secrets, 'voter');
  const plain = path.join(folder, 'alias.key');
  const wallet = new Wallet(`0x${await readFile(plain, 'utf8')}`);
  await writeFile(path.join(folder, 'keystore.json'), await wallet.encrypt(passphrase), { mode: 0o600 });
  await writeFile(path.join(folder, 'passphrase'), passphrase, { mode: 0o600 });
  await rm(plain);
  const file = path.join(secrets, SIGNERS_FILE);
  const signers = z.record(z.string(), z.looseObject({})).parse(JSON.parse(await readFile(file, 'utf8')));
  const { key_file: _plain, ...entry } = signers[owner] ?? {};
  const encrypted = { ...entry, keystore_file: 'keystore.json', passphrase_file: 'passphrase' };
  await writeFile(file, JSON.stringify({ ...signers, [owner]: encrypted }));
}
