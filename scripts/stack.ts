/**
 * Everything that `npm start` runs: Redis, the sandbox, the four services. They start at the same time as far as they can;
 * they end one after the other, and Redis last.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ROOT } from './root.ts';
import { enableVoting } from '@quorum/shared/voting';
import { readSecretFile } from '@quorum/shared/secret-file';
import { SpaceId } from '@quorum/snapshot/proposal';
import { EonPublicKey } from '@quorum/snapshot/shutter';
import { z } from 'zod';
import type { ChildSpec } from './child.ts';
import { connectRedis, namedRedis } from './connect-redis.ts';
import { announceDemoSigner, makeDemoSigner } from './demo-signer.ts';
import { demoStore, ensureDemoPreferences } from './demo-preferences.ts';
import { noteGateway } from './gateway-url.ts';
import { keepRedis } from './keep-redis.ts';
import { refuseLostKey } from './lost-key.ts';
import { isFree } from './ports.ts';
import type { RunFiles } from './run-files.ts';
import { ensureSecrets, ensureSignersFile, SECRETS } from './secrets.ts';
import { logFormatter } from './service-log.ts';
import {
  allowsAnonymous,
  portBook,
  SANDBOX_PORT,
  SANDBOX_URL_FILE,
  sandboxSpec,
  SERVICES,
  serviceSpec,
  upstreamsOf,
  type Upstreams,
} from './services.ts';
import { merged } from './settings-file.ts';
import { DEMO_SPACE, isLiveRun, SettingsError, type SettingSources, type StartSettings } from './start-settings.ts';
import { supervise, type Supervised } from './supervise.ts';
import { coloured, shortPath, type Terminal } from './terminal.ts';

/** Whatever was started, in the order of starting. */
export interface Started {
  readonly name: string;
  readonly stop: () => Promise<void>;
  readonly kill: () => void;
}

export interface StackOptions {
  readonly sources: SettingSources;
  readonly settings: StartSettings;
  readonly verbose: boolean;
  readonly terminal: Terminal;
  readonly files: RunFiles;
  /** Each process is in here before it runs, so that whatever happens it is stopped. To be stopped from the end. */
  readonly started: Started[];
  readonly signal: AbortSignal;
  /** A process died too often. */
  readonly onGivenUp: (error: Error) => void;
}

/** Starts everything and waits until all of it is ready. */
export async function startStack(options: StackOptions): Promise<{ gateway: string; upstreams: Upstreams }> {
  const { settings, terminal } = options;
  const { folders, owner } = settings;
  const demo = { dir: folders.secrets, owner, space: SpaceId.parse(DEMO_SPACE) };
  await Promise.all([folders.logs, folders.owners].map((dir) => mkdir(dir, { recursive: true, mode: 0o700 })));
  await refuseTakenPort(settings);
  tellMade(await ensureSecrets({ dir: folders.secrets, putOff: SECRETS.voterMacKey }), options);
  if (isLiveRun(settings)) await ensureSignersFile(demo);
  else await makeDemoSigner(demo);

  const ports = portBook();
  const [redisUrl, sandboxUrl] = await Promise.all([readyRedis(options), readySandbox(options, ports)]);
  await ensureVoterKey(redisUrl, options);
  const upstreams = upstreamsOf(settings, sandboxUrl);
  const ownKey = settings.snapshot.kind === 'sandbox' ? { sandboxEonKey: await eonKeyOf(sandboxUrl) } : {};
  const around = { root: ROOT, settings, sources: options.sources, redisUrl, upstreams, ...ownKey };
  const noteUrl = (url: string): Promise<void> => noteGateway(settings, url);
  const ready = SERVICES.toReversed().map((name) =>
    up(
      launch(name, () => serviceSpec(name, around, ports), options, name === 'gateway' ? noteUrl : undefined),
      terminal,
    ),
  );
  const demoOwner = isLiveRun(settings) ? undefined : prepareDemoOwner(redisUrl, options);
  const [urls] = await Promise.all([Promise.all(ready), demoOwner]);
  return { gateway: (urls.at(-1) ?? '').replace(/\/$/, ''), upstreams };
}

/**
 * With a live upstream people send keys to the gateway, to where they know it: the program that has its port must not get them.
 * One that dies while it serves may move, and says where to: without it no hold is answered.
 */
async function refuseTakenPort(settings: StartSettings): Promise<void> {
  const { gatewayPort: port } = settings;
  if (allowsAnonymous(upstreamsOf(settings, `http://127.0.0.1:${SANDBOX_PORT}`)) || (await isFree(port))) return;
  throw new SettingsError(
    `The port of the gateway, PORT=${port}, is taken, or not for this user. With a live upstream it does not move to another.\n→ End what has it, or set PORT.`,
  );
}

/** The last of the secrets, as Redis must be asked first. */
async function ensureVoterKey(redisUrl: string, options: StackOptions): Promise<void> {
  const dir = options.settings.folders.secrets;
  if (!existsSync(path.join(dir, SECRETS.voterMacKey))) {
    const redis = await connectRedis(redisUrl);
    try {
      await refuseLostKey(dir, redis);
    } finally {
      redis.disconnect();
    }
  }
  tellMade(await ensureSecrets({ dir }), options);
}

/** Each is worth less than the one that it may stand in for. */
function tellMade(made: readonly string[], { settings, terminal }: StackOptions): void {
  if (made.length === 0) return;
  const { secrets } = settings.folders;
  const names = made.map((file) => path.relative(secrets, file));
  terminal.say(`✓ ${'secrets'.padEnd(8)} made in ${shortPath(secrets)}: ${names.join(', ')}`);
}

/**
 * The sandbox's URL, '' if nothing needs it. The services are told it once, so a sandbox that dies must come back there; and it
 * forgets, so each time it is told again which alias votes for the demo's voter.
 */
async function readySandbox(options: StackOptions, ports: ReturnType<typeof portBook>): Promise<string> {
  const { settings, terminal } = options;
  let known: string | undefined;
  const announce = async (url: string): Promise<void> => {
    known ??= url;
    if (url !== '') await writeFile(path.join(settings.folders.run, SANDBOX_URL_FILE), url);
    if (url !== known) throw new Error(`The sandbox came back on ${url}, as somebody took ${known}.\n→ Start again.`);
    if (isLiveRun(settings)) return;
    const { hub, sequencer } = upstreamsOf(settings, url);
    await announceDemoSigner({ dir: settings.folders.secrets, sequencerUrl: sequencer, hubUrl: hub });
  };
  if (settings.snapshot.kind === 'sandbox' || settings.model.kind === 'sandbox') {
    return await up(
      launch('sandbox', () => sandboxSpec(ROOT, process.env, ports), options, announce),
      terminal,
    );
  }
  await announce('');
  return '';
}

/** The key with which the sandbox's secret votes are encrypted. */
async function eonKeyOf(sandboxUrl: string): Promise<string> {
  const answer = await fetch(new URL('_sandbox/shutter', sandboxUrl), { signal: AbortSignal.timeout(10_000) });
  return z.object({ eon_public_key: EonPublicKey }).parse(await answer.json()).eon_public_key;
}

type Spec = Omit<ChildSpec, 'logFile' | 'onLine'>;

function launch(
  name: string,
  spec: () => Promise<Spec>,
  { settings, verbose, terminal, files, started, signal, onGivenUp }: StackOptions,
  afterReady?: (url: string) => Promise<void>,
): Supervised {
  signal.throwIfAborted(); // whoever stops everything has gone through `started` already
  const position = SERVICES.findIndex((service) => service === name) + 1;
  const format = logFormatter(name, position, { colour: coloured(process.stderr), verbose });
  const show = (line: string): void => {
    const text = format(line);
    if (text !== undefined) terminal.say(text);
  };
  const child = supervise({
    name,
    files,
    ...(afterReady ? { afterReady } : {}),
    spec: async () => ({
      ...(await spec()),
      logFile: path.join(settings.folders.logs, `${name}.log`),
      onLine: show,
    }),
    say: terminal.say,
    onGivenUp,
  });
  started.push(child);
  return child;
}

async function readyRedis(options: StackOptions): Promise<string> {
  const { settings, sources, terminal, files, started, signal, onGivenUp } = options;
  const named = namedRedis(settings, merged(sources));
  if (named !== undefined) {
    await askNamedRedis(named);
    terminal.say(`✓ ${'redis'.padEnd(8)} the one of REDIS_URL`);
    return named;
  }
  const { redis: dir, logs, secrets } = settings.folders;
  const password = readSecretFile(path.join(secrets, SECRETS.redisPassword));
  signal.throwIfAborted();
  const redis = keepRedis({ dir, logs, password, files, say: terminal.say, onGivenUp });
  started.unshift(redis); // first in, so last out
  const { url, port } = await redis.ready;
  terminal.say(`✓ ${'redis'.padEnd(8)} 127.0.0.1:${port}, keeps its data in ${shortPath(dir)}`);
  return url;
}

/** @throws SettingsError if it does not answer, or not to that password. */
async function askNamedRedis(url: string): Promise<void> {
  try {
    (await connectRedis(url)).disconnect();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SettingsError(
      `The Redis of REDIS_URL at ${new URL(url).host} is of no use: ${why}\n→ Mend REDIS_URL and REDIS_PASSWORD_FILE, or leave both out for a private Redis.`,
    );
  }
}

async function up(child: Supervised, terminal: Terminal): Promise<string> {
  const url = await child.ready;
  const remark = child.name === 'sandbox' ? '  plays Snapshot and the model: nothing is real' : '';
  terminal.say(`✓ ${child.name.padEnd(8)} ${url}${remark}`);
  return url;
}

/** On the sandbox alone: with a live hub the owner enables voting, and says what they want. */
async function prepareDemoOwner(redisUrl: string, { settings, sources }: StackOptions): Promise<void> {
  const { owner, folders } = settings;
  const env = { ...merged(sources), PREFERENCES_DIR: folders.owners };
  const redis = await connectRedis(redisUrl);
  try {
    await enableVoting(redis, owner);
    await ensureDemoPreferences(demoStore(env, folders.secrets, redis), owner);
  } finally {
    redis.disconnect();
  }
}
