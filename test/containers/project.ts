/**
 * The product as `docker-compose.yml` starts it with its sandbox profile, under a project name and an image name of its own, beside
 * whatever else the engine runs. What is not published is asked from within: a container asks itself with `node -e`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { freePort } from '../../scripts/ports.ts';
import { UNLIMITED } from '../unlimited.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const COMMAND_WITHIN_MS = 200_000;

/** What runs as long as the product does, and nothing of the sandbox's. */
export const SERVICES = ['gateway', 'fetcher', 'decider', 'voter'] as const;
export type ServiceName = (typeof SERVICES)[number] | 'redis' | 'sandbox' | 'demo' | 'setup';

const Container = z.object({
  Id: z.string(),
  Name: z.string(),
  RestartCount: z.int(),
  State: z.object({ Status: z.string(), ExitCode: z.int(), Health: z.object({ Status: z.string() }).optional() }),
  Config: z.object({ User: z.string(), Env: z.array(z.string()), Labels: z.record(z.string(), z.string()) }),
  HostConfig: z.object({
    ReadonlyRootfs: z.boolean(),
    Privileged: z.boolean(),
    CapAdd: z.array(z.string()).nullable(),
    CapDrop: z.array(z.string()).nullable(),
    SecurityOpt: z.array(z.string()).nullable(),
    Ulimits: z.array(z.object({ Name: z.string(), Hard: z.int() })).nullable(),
  }),
  Mounts: z.array(
    z.object({ Type: z.string(), Name: z.string().optional(), Destination: z.string(), RW: z.boolean() }),
  ),
  NetworkSettings: z.object({
    Ports: z.record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() })).nullable()),
    Networks: z.record(z.string(), z.object({ IPAddress: z.string() })),
  }),
});
export type Container = z.infer<typeof Container>;

export type Answer = { readonly status: number; readonly text: string };

export type Project = {
  readonly name: string;
  /** The gateway's published port. */
  readonly url: string;
  /** Starts anew, healthy at the end, whatever other settings concern. */
  readonly configure: (settings: Readonly<Record<string, string>>) => Promise<void>;
  /** Compose's output on stdout. @throws where it ends with another code than 0, with all that it said. */
  readonly compose: (...args: readonly string[]) => Promise<string>;
  /** Every container of the project, those that have ended too; of one service where it is named. */
  readonly containers: (service?: ServiceName) => Promise<readonly Container[]>;
  /** The one container of this service. */
  readonly the: (service: ServiceName) => Promise<Container>;
  /** Asks over HTTP from within a container. */
  readonly ask: (from: Container, url: string, init?: RequestInit) => Promise<Answer>;
  /** A script for `node -e` in a container, with arguments; gives back its stdout. */
  readonly node: (from: Container, script: string, ...args: readonly string[]) => Promise<string>;
  /** What the engine still has of the project: containers, networks, volumes, images. */
  readonly leftOver: () => Promise<readonly string[]>;
  /** Ends it and takes everything away. */
  readonly remove: () => Promise<void>;
};

/** Runs the command of the engine. */
export async function docker(
  args: readonly string[],
  { env = {}, input = '' }: { readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Promise<string> {
  const child = spawn('docker', args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: COMMAND_WITHIN_MS,
  });
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (code === 0) return stdout;
  throw new Error(`docker ${args.join(' ')} ended with ${String(code)}:\n${stdout}${stderr}`);
}

const ASK = `
const [url, init] = process.argv.slice(1);
const answer = await fetch(url, JSON.parse(init));
process.stdout.write(JSON.stringify({ status: answer.status, text: await answer.text() }));`;

/** Builds the image and starts everything, healthy at the end. Where that fails, what was started is taken away again. */
export async function startProject(settings: Readonly<Record<string, string>> = {}): Promise<Project> {
  const name = `quorum-test-${randomBytes(4).toString('hex')}`;
  const port = await freePort();
  let env: NodeJS.ProcessEnv = {
    ...UNLIMITED,
    // A busy machine makes Redis slow: that is no outage here.
    ENQUEUE_TIMEOUT_MS: '10000',
    ...settings,
    PORT: String(port),
    QUORUM_IMAGE: name,
  };
  // No `.env` of an operator's: the tests are to start what a fresh checkout starts.
  const project = ['compose', '--project-name', name, '--env-file', '/dev/null', '--profile', 'sandbox'];
  const compose: Project['compose'] = (...args) => docker([...project, ...args], { env });

  const containers: Project['containers'] = async (service) => {
    const filters = [`label=com.docker.compose.project=${name}`];
    if (service !== undefined) filters.push(`label=com.docker.compose.service=${service}`);
    const ids = await docker(['ps', '--all', '--quiet', ...filters.flatMap((filter) => ['--filter', filter])]);
    const list = ids.split('\n').filter((id) => id !== '');
    if (list.length === 0) return [];
    return z.array(Container).parse(JSON.parse(await docker(['inspect', ...list])));
  };

  const node: Project['node'] = (from, script, ...args) =>
    docker(['exec', from.Id, 'node', '--input-type=module', '-e', script, '--', ...args]);

  const leftOver: Project['leftOver'] = async () => {
    const of = ['--filter', `label=com.docker.compose.project=${name}`];
    const found = await Promise.all([
      docker(['ps', '--all', ...of, '--format', 'container {{.Names}}']),
      docker(['network', 'ls', ...of, '--format', 'network {{.Name}}']),
      docker(['volume', 'ls', ...of, '--format', 'volume {{.Name}}']),
      docker(['image', 'ls', '--filter', `reference=${name}`, '--format', 'image {{.Repository}}']),
    ]);
    return found.flatMap((lines) => lines.split('\n').filter((line) => line !== ''));
  };

  const remove: Project['remove'] = async () => {
    await compose('--profile', 'tools', 'down', '--volumes', '--remove-orphans', '--timeout', '20');
    const image = await docker(['image', 'ls', '--quiet', name]);
    if (image !== '') await docker(['image', 'rm', name]);
  };

  try {
    await compose('build');
    await compose('up', '--detach', '--wait');
  } catch (error) {
    const logs = await compose('logs', '--tail', '20').catch(String);
    await remove();
    throw new Error(`Compose did not come up:\n${logs}`, { cause: error });
  }
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    async configure(changed) {
      env = { ...env, ...changed };
      await compose('up', '--detach', '--wait');
    },
    compose,
    containers,
    async the(service) {
      const [one, ...more] = await containers(service);
      if (one === undefined || more.length > 0) throw new Error(`Not one container of ${service}, but ${more.length}`);
      return one;
    },
    async ask(from, url, init = {}) {
      const answer = await node(from, ASK, url, JSON.stringify(init));
      return z.object({ status: z.int(), text: z.string() }).parse(JSON.parse(answer));
    },
    node,
    leftOver,
    remove,
  };
}
