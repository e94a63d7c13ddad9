/**
 * What each process of ours is started with. Every service gets the settings it needs and no secret of another: the key files
 * of the voter service go to it alone, the model's key to the decider alone, the hub's to fetcher and voter. What the settings file says they read there
 * themselves, unless it is set here.
 */
import path from 'node:path';
import { isLive } from '@quorum/shared/config';
import { SINGLE_OWNER_VARIABLES } from '@quorum/voter/signer-entry';
import type { ChildSpec } from './child.ts';
import { nextFreePort } from './ports.ts';
import { SECRETS, SIGNERS_FILE } from './secrets.ts';
import { shortPath } from './terminal.ts';
import { DEMO_SPACE, isLiveRun, type SettingSources, type StartSettings } from './start-settings.ts';

/** In the order in which they are stopped. */
export const SERVICES = ['gateway', 'fetcher', 'decider', 'voter'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** The first port that each one tries. */
export const FIRST_PORTS = { fetcher: 9101, decider: 9102, voter: 9103 } as const;
export const SANDBOX_PORT = 4010;
/**
 * What the sandbox's models are said to charge, so that spending is counted there too: without a price no model is asked. Compose
 * says the same.
 */
export const SANDBOX_PRICES =
  'careful=0.1/0.4,gullible=0.1/0.4,owned=0.1/0.4,noisy=0.1/0.4,biased-first=0.1/0.4,' +
  'malformed=0.1/0.4,refusing=0.1/0.4,truncating=0.1/0.4,slow=0.1/0.4,flaky=0.1/0.4';
/** Where, in the folder of what runs, the sandbox's URL is written down for the operator's commands. */
export const SANDBOX_URL_FILE = 'sandbox.url';

/** Handed out by this file, or not at all: what the caller's environment says of them does not reach a service by itself. */
const MANAGED = [
  'REDIS_URL',
  'REDIS_PASSWORD_FILE',
  'OPENAI_API_KEY',
  'SNAPSHOT_API_KEY',
  'DECIDER_MAC_KEY_FILE',
  'EVIDENCE_ARCHIVE_DIR',
  'GATEWAY_MAC_KEY_FILE',
  'HOLD_MAC_KEY_FILE',
  'PREFERENCES_MAC_KEY_FILE',
  'VOTER_MAC_KEY_FILE',
  'SIGNERS_FILE',
  'API_KEY_FILE',
  'ALLOW_ANONYMOUS',
  'HOST',
  'PORT',
  'METRICS_PORT',
  ...SINGLE_OWNER_VARIABLES,
];

/** Where everything is, once Redis and the sandbox are up. */
export interface Surroundings {
  readonly root: string;
  readonly settings: StartSettings;
  readonly sources: SettingSources;
  readonly redisUrl: string;
  readonly upstreams: Upstreams;
  /** The sandbox's key for secret votes. Where votes go elsewhere the operator's own counts. */
  readonly sandboxEonKey?: string;
}

export interface Upstreams {
  readonly hub: string;
  readonly sequencer: string;
  readonly model: string;
}

/** The upstreams that are configured, the sandbox (at this URL, if it runs) in place of those that are not. */
export function upstreamsOf({ snapshot, model }: StartSettings, sandboxUrl: string): Upstreams {
  const sandbox = sandboxUrl.replace(/\/$/, '');
  return {
    hub: snapshot.kind === 'given' ? snapshot.hub : `${sandbox}/graphql`,
    sequencer: snapshot.kind === 'given' ? snapshot.sequencer : `${sandbox}/`,
    model: model.kind === 'given' ? model.url : `${sandbox}/v1`,
  };
}

/** Anonymous requests are for the sandbox: with a live upstream a key is needed. */
export function allowsAnonymous({ hub, sequencer, model }: Upstreams): boolean {
  return ![hub, sequencer, model].some(isLive);
}

/** The environment of each service, but for its port. */
export function serviceEnv(name: ServiceName, around: Surroundings): NodeJS.ProcessEnv {
  const { settings, upstreams } = around;
  const { env, file: inFile } = around.sources;
  const file = (relative: string): string => path.join(settings.folders.secrets, relative);
  const base: NodeJS.ProcessEnv = Object.fromEntries(Object.entries(env).filter(([key]) => !MANAGED.includes(key)));
  const common: NodeJS.ProcessEnv = {
    ...base,
    QUORUM_ENV_FILE: around.sources.path ?? '',
    REDIS_URL: around.redisUrl,
    // Empty, so that the file's is not heard either: the URL has the password by now.
    REDIS_PASSWORD_FILE: '',
    SNAPSHOT_HUB_URL: upstreams.hub,
    SNAPSHOT_SEQUENCER_URL: upstreams.sequencer,
    OPENAI_BASE_URL: upstreams.model,
    OWNER_ID: settings.owner,
    PREFERENCES_DIR: settings.folders.owners,
    HOST: '127.0.0.1',
  };
  const hubKey = { SNAPSHOT_API_KEY: env['SNAPSHOT_API_KEY'] };
  const preferencesKey = { PREFERENCES_MAC_KEY_FILE: file(SECRETS.preferencesMacKey) };
  switch (name) {
    case 'gateway':
      return {
        ...common,
        ...preferencesKey,
        API_KEY_FILE: file(SECRETS.apiKey),
        GATEWAY_MAC_KEY_FILE: file(SECRETS.gatewayMacKey),
        HOLD_MAC_KEY_FILE: file(SECRETS.holdMacKey),
        ALLOW_ANONYMOUS: allowsAnonymous(upstreams) ? '1' : '0',
      };
    case 'fetcher':
      return { ...common, ...hubKey, ...preferencesKey };
    case 'decider': {
      const sandbox = settings.model.kind === 'sandbox';
      const given = (setting: string): boolean => Boolean(env[setting] ?? inFile[setting]);
      return {
        ...common,
        OPENAI_API_KEY: sandbox ? 'sandbox' : env['OPENAI_API_KEY'],
        // Only where nobody names any: what is set here does not follow the file while it runs.
        ...(sandbox && !given('DECIDER_MODELS') ? { DECIDER_MODELS: 'careful' } : {}),
        ...(sandbox && !given('MODEL_PRICES') ? { MODEL_PRICES: SANDBOX_PRICES } : {}),
        DECIDER_MAC_KEY_FILE: file(SECRETS.deciderMacKey),
        EVIDENCE_ARCHIVE_DIR: settings.folders.evidence,
      };
    }
    case 'voter':
      return {
        ...common,
        ...hubKey,
        ...preferencesKey,
        DECIDER_MAC_KEY_FILE: file(SECRETS.deciderMacKey),
        VOTER_MAC_KEY_FILE: file(SECRETS.voterMacKey),
        HOLD_MAC_KEY_FILE: file(SECRETS.holdMacKey),
        SIGNERS_FILE: file(SIGNERS_FILE),
        // A key for the real Snapshot encrypts nothing that the sandbox can open, and the other way round.
        ...(settings.snapshot.kind === 'sandbox' ? { SHUTTER_EON_PUBLIC_KEY: around.sandboxEonKey } : {}),
        ...singleOwner(isLiveRun(settings) ? env : NOBODY),
      };
    default:
      return name satisfies never;
  }
}

/** Said to be empty, so that the settings file's are not heard either. */
const NOBODY: NodeJS.ProcessEnv = Object.fromEntries(SINGLE_OWNER_VARIABLES.map((name) => [name, '']));

/** The operator's own signer. The sandbox has one of its own for the same owner, and a real key has nothing to sign there. */
function singleOwner(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(SINGLE_OWNER_VARIABLES.map((name) => [name, env[name]]));
}

/** Ports that are given out: each process keeps its own over restarts, unless somebody else takes it meanwhile. */
export function portBook(): { portFor(name: string, first: number): Promise<number> } {
  const ports = new Map<string, number>();
  // One after the other, so that no two get the same.
  let queue: Promise<unknown> = Promise.resolve();
  return {
    portFor(name, first) {
      const next = queue.then(async () => {
        const others = new Set([...ports].filter(([owner]) => owner !== name).map(([, port]) => port));
        const port = await nextFreePort(ports.get(name) ?? first, others);
        ports.set(name, port);
        return port;
      });
      queue = next.catch(() => {});
      return next;
    },
  };
}

type Spec = Omit<ChildSpec, 'logFile' | 'onLine'>;

/** How to start a service. `--disable-sigusr1`: no debugger can be attached to a process that holds keys. */
export async function serviceSpec(
  name: ServiceName,
  around: Surroundings,
  ports: ReturnType<typeof portBook>,
): Promise<Spec> {
  const env =
    name === 'gateway'
      ? { PORT: String(await ports.portFor(name, around.settings.gatewayPort)) }
      : { METRICS_PORT: String(await ports.portFor(name, FIRST_PORTS[name])) };
  return {
    name,
    cwd: around.root,
    args: ['--disable-sigusr1', path.join(around.root, 'services', name, 'src/main.ts')],
    env: { ...compileCache(around.settings.folders.data), ...serviceEnv(name, around), ...env },
  };
}

/** Where Node keeps what it made of the sources: the next start takes two thirds of the CPU. What the operator says counts. */
function compileCache(data: string): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: path.join(data, 'compile-cache') };
}

/** How to start the sandbox, with a demo space of fresh proposals. */
export async function sandboxSpec(
  root: string,
  env: NodeJS.ProcessEnv,
  ports: ReturnType<typeof portBook>,
): Promise<Spec> {
  const port = await ports.portFor('sandbox', SANDBOX_PORT);
  return {
    name: 'sandbox',
    cwd: root,
    args: [path.join(root, 'packages/sandbox/src/main.ts')],
    env: { ...env, SANDBOX_HOST: '127.0.0.1', SANDBOX_PORT: String(port), SANDBOX_WORLD: 'demo' },
  };
}

/** The call that starts a run, for people to copy. */
export function exampleCall(gateway: string, settings: StartSettings, upstreams: Upstreams): string {
  const auth = authOf(settings, upstreams);
  const space = settings.snapshot.kind === 'sandbox' ? DEMO_SPACE : 'YOUR-SPACE.eth';
  const dry = settings.snapshot.kind === 'sandbox' ? '' : ',"dry_run":true';
  return `curl -X POST ${gateway}/agent-run -H 'content-type: application/json'${auth} -d '{"space_id":"${space}"${dry}}'`;
}

/** Where the board is; where a key is needed, the call that makes a link to it, since a link is good for a minute. */
export function boardCall(gateway: string, settings: StartSettings, upstreams: Upstreams): string {
  const board = `${gateway}/admin/queues`;
  if (allowsAnonymous(upstreams)) return board;
  return `curl -X POST ${board}/link -H 'content-type: application/json'${authOf(settings, upstreams)}    # prints a link`;
}

function authOf(settings: StartSettings, upstreams: Upstreams): string {
  const key = shortPath(path.join(settings.folders.secrets, SECRETS.apiKey));
  return allowsAnonymous(upstreams) ? '' : ` -H "authorization: Bearer $(cat ${key})"`;
}
