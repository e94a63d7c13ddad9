/**
 * What the containers of `docker-compose.yml` may do, as the engine and the processes within them say it: nothing beyond their work. Who
 * reaches whom over the network is tried between every two of them.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { findLeaks, secretsOf, type Secret } from '../leaks.ts';
import { docker, SERVICES, startProject, type Project, type ServiceName } from './project.ts';
import { run } from './runs.ts';

const BUILT_WITHIN_MS = 300_000;
const DONE_WITHIN_MS = 240_000;

const RUNNING = [...SERVICES, 'redis', 'sandbox'] as const;
const EVERYTHING = [...RUNNING, 'setup', 'demo'] as const;
/** Which ports on the way to these addresses are open. */
const CONNECT = `
import { connect } from 'node:net';
const open = await Promise.all(JSON.parse(process.argv[1]).map((to) => new Promise((resolve) => {
  const socket = connect({ host: to.host, port: to.port, timeout: 3000 });
  const end = (isOpen) => { socket.destroy(); resolve(isOpen); };
  socket.once('connect', () => end(true)).once('error', () => end(false)).once('timeout', () => end(false));
})));
console.log(JSON.stringify(open));`;

/** What of each listens, to whoever shares a network with it. */
const LISTENS = { gateway: 3000, fetcher: 9100, decider: 9100, voter: 9100, redis: 6379, sandbox: 4010 } as const;

/** Who needs whom. Nothing else is reached, but that who shares a network for one of these could ask the other back. */
const NEEDS: Readonly<Record<keyof typeof LISTENS, readonly (keyof typeof LISTENS)[]>> = {
  gateway: ['redis'],
  fetcher: ['redis', 'sandbox'],
  decider: ['redis', 'sandbox'],
  voter: ['redis', 'sandbox'],
  redis: [],
  sandbox: [],
};

describe('the containers of docker-compose.yml', () => {
  let project: Project;
  beforeAll(async () => {
    project = await startProject();
  }, BUILT_WITHIN_MS);
  afterAll(() => project.remove(), BUILT_WITHIN_MS);

  test.each(EVERYTHING)('%s has a root that it cannot write, no capability, and no way to more', async (service) => {
    const { HostConfig } = await project.the(service);
    expect(HostConfig).toMatchObject({
      ReadonlyRootfs: true,
      Privileged: false,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true'],
    });
    expect(HostConfig.CapAdd ?? []).toEqual([]);
  });

  test.each(RUNNING)('%s runs as a user who is not root and may do nothing', async (service) => {
    const { Id } = await project.the(service);
    const status = await docker(['exec', Id, 'cat', '/proc/1/status']);
    const line = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
    expect(line('Uid').split('\t')).toEqual(['1000', '1000', '1000', '1000']);
    expect(line('NoNewPrivs')).toBe('1');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) expect(line(set)).toMatch(/^0+$/);
  });

  test.each(RUNNING)('%s can write nothing but what is its own', async (service) => {
    const { Id, Mounts } = await project.the(service);
    const attempt =
      'for folder in / /app /etc /usr/local/bin; do touch $folder/written 2>/dev/null && echo $folder; done; true';
    expect(await docker(['exec', Id, 'sh', '-c', attempt])).toBe('');
    const writable = Mounts.filter(({ Type, RW }) => Type === 'volume' && RW).map(({ Destination }) => Destination);
    const own: Partial<Record<ServiceName, readonly string[]>> = {
      redis: ['/data'],
      decider: ['/var/lib/quorum/evidence'],
    };
    expect(writable).toEqual(own[service] ?? []);
  });

  test('the voter leaves no core dump', async () => {
    const { HostConfig } = await project.the('voter');
    expect(HostConfig.Ulimits).toContainEqual(expect.objectContaining({ Name: 'core', Hard: 0 }));
  });

  test('the gateway alone is published, and on loopback alone', async () => {
    const published = (await project.containers()).flatMap(({ Name, NetworkSettings }) =>
      Object.entries(NetworkSettings.Ports).flatMap(([port, bindings]) =>
        (bindings ?? []).map(({ HostIp }) => `${Name.replace(`/${project.name}-`, '')} ${port} ${HostIp}`),
      ),
    );
    expect(published).toEqual(['gateway-1 3000/tcp 127.0.0.1']);
  });

  test('each sees the secrets that it needs, and no other', async () => {
    const seen = async (service: ServiceName): Promise<string[]> =>
      (await project.the(service)).Mounts.map(({ Name = '' }) => Name.replace(`${project.name}_`, '')).toSorted();
    expect(await seen('fetcher')).toEqual(['preferences-secrets', 'redis-secret']);
    expect(await seen('decider')).toEqual(['decider-secrets', 'evidence', 'redis-secret']);
    expect(await seen('gateway')).toEqual(['gateway-secrets', 'hold-secrets', 'preferences-secrets', 'redis-secret']);
    expect(await seen('redis')).toEqual(['redis-data', 'redis-secret']);
    expect(await seen('sandbox')).toEqual([]);
    expect(await seen('voter')).toEqual([
      'decider-secrets',
      'hold-secrets',
      'preferences-secrets',
      'redis-secret',
      'voter-passphrase',
      'voter-secrets',
    ]);
  });

  test(
    'no secret is in an environment, on a command line, in a label or in a log',
    async () => {
      expect(await run(project)).toMatchObject({ status: 'completed', errors: [] });
      const secrets = await everySecret();
      expect(secrets.map(({ name }) => name)).toEqual(
        expect.arrayContaining([
          'redis/password',
          'gateway/api.key',
          'voter/mac.key',
          'voter/alias.key',
          'demo/main.key',
        ]),
      );
      const containers = await project.containers();
      const places = [
        { where: 'logs', bytes: Buffer.from(await project.compose('logs', '--no-color')) },
        { where: 'inspect', bytes: Buffer.from(await docker(['inspect', ...containers.map(({ Id }) => Id)])) },
        ...(await Promise.all(
          containers
            .filter(({ State }) => State.Status === 'running')
            .map(async ({ Id, Name }) => ({ where: `ps ${Name}`, bytes: Buffer.from(await docker(['top', Id])) })),
        )),
      ];
      expect(findLeaks(places, secrets)).toEqual([]);
    },
    DONE_WITHIN_MS,
  );

  /** Read by a container that mounts all volumes of secrets, and ends. */
  async function everySecret(): Promise<readonly Secret[]> {
    const volumes = ['redis', 'decider', 'gateway', 'holds', 'preferences', 'voter', 'demo'].flatMap((folder) => {
      const volume = folder === 'redis' ? 'redis-secret' : folder === 'holds' ? 'hold-secrets' : `${folder}-secrets`;
      return ['--volume', `${project.name}_${volume}:/secrets/${folder}:ro`];
    });
    const read = `
      import { readdirSync, readFileSync, statSync } from 'node:fs';
      const files = readdirSync('/secrets', { recursive: true }).filter((file) => statSync('/secrets/' + file).isFile());
      console.log(JSON.stringify(files.map((file) => [file, readFileSync('/secrets/' + file, 'utf8').trim()])));`;
    const said = await docker([
      'run',
      '--rm',
      '--network',
      'none',
      ...volumes,
      project.name,
      'node',
      '--input-type=module',
      '-e',
      read,
    ]);
    return z
      .array(z.tuple([z.string(), z.string()]))
      .parse(JSON.parse(said))
      .filter(([name]) => /password$|\.key$/.test(name))
      .flatMap(([name, text]) => secretsOf(name, text));
  }

  test.each(
    Object.keys(LISTENS)
      .filter(isListener)
      .filter((from) => from !== 'redis'),
  )(
    '%s reaches whom it needs, and nobody on another network',
    async (from) => {
      const own = await project.the(from);
      const targets = await Promise.all(
        Object.entries(LISTENS)
          .filter(([to]) => to !== from)
          .map(async ([to, port]) => ({ to: listener(to), port, container: await project.the(listener(to)) })),
      );
      const addresses = targets.flatMap(({ to, port, container }) =>
        Object.entries(container.NetworkSettings.Networks).map(([network, { IPAddress }]) => ({
          to,
          network,
          host: IPAddress,
          port,
        })),
      );
      const open = z.array(z.boolean()).parse(JSON.parse(await project.node(own, CONNECT, JSON.stringify(addresses))));
      const shared = addresses.map(({ network }) => network in own.NetworkSettings.Networks);
      expect(open).toEqual(shared);
      const reached = new Set(addresses.filter((_address, at) => open[at]).map(({ to }) => to));
      expect([...reached]).toEqual(expect.arrayContaining([...NEEDS[from]]));
    },
    DONE_WITHIN_MS,
  );

  test('the voter shares no network with the gateway, the fetcher or the decider', async () => {
    const networksOf = async (service: ServiceName): Promise<string[]> =>
      Object.keys((await project.the(service)).NetworkSettings.Networks);
    const voters = new Set(await networksOf('voter'));
    for (const other of ['gateway', 'fetcher', 'decider'] as const) {
      expect((await networksOf(other)).filter((network) => voters.has(network))).toEqual([]);
    }
  });

  test('Redis keeps every write, evicts nothing, wants a password, and no way leads out of its networks', async () => {
    const { Id, NetworkSettings } = await project.the('redis');
    const cli = (command: string): Promise<string> =>
      docker(['exec', Id, 'sh', '-c', `REDISCLI_AUTH="$(cat /run/quorum/password)" redis-cli ${command}`]);
    for (const [setting, value] of [
      ['appendonly', 'yes'],
      ['appendfsync', 'always'],
      ['maxmemory-policy', 'noeviction'],
    ]) {
      expect((await cli(`CONFIG GET ${setting}`)).trim().split('\n')).toEqual([setting, value]);
    }
    expect(await docker(['exec', Id, 'redis-cli', 'PING'])).toContain('NOAUTH');
    for (const network of Object.keys(NetworkSettings.Networks)) {
      expect((await docker(['network', 'inspect', network, '--format', '{{.Internal}}'])).trim()).toBe('true');
    }
  });
});

const isListener = (name: string): name is keyof typeof LISTENS => name in LISTENS;

function listener(name: string): keyof typeof LISTENS {
  if (!isListener(name)) throw new Error(`${name} does not listen`);
  return name;
}
