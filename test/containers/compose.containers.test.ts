/**
 * `docker-compose.yml` as an operator starts it, with its sandbox profile: votes are cast through the published port, a worker that
 * crashes in the middle of a run comes back and the run ends as it should, more deciders share the work, a signer is made by compose's
 * own tool, and at the end nothing is left of it.
 */
import { DEMO_SPACE } from '@quorum/sandbox/worlds/demo';
import { Health } from '@quorum/shared/health';
import { Wallet } from 'ethers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { freePort } from '../../scripts/ports.ts';
import { until } from '../stack.ts';
import { SERVICES, startProject, type Container, type Project, type ServiceName } from './project.ts';
import { ballotsOf, call, control, finished, openProposals, post, run, slowDown, votesOn } from './runs.ts';

/** For a build, and for what a container takes to start. */
const BUILT_WITHIN_MS = 300_000;
const DONE_WITHIN_MS = 240_000;

/** `kill -9` of the service within its container: what the engine itself kills it does not start again. */
const CRASH = `
import { readdirSync, readFileSync } from 'node:fs';
const main = 'services/' + process.argv[1] + '/src/main.ts';
for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
  const args = readFileSync('/proc/' + pid + '/cmdline', 'utf8').split('\\0');
  if (args[0] === 'node' && args.includes(main)) process.kill(Number(pid), 'SIGKILL');
}`;

describe('docker-compose.yml with the sandbox profile', () => {
  let project: Project;
  let prometheusPort: number;
  beforeAll(async () => {
    prometheusPort = await freePort();
    // Jobs of a worker that crashed are taken back sooner, and one decider alone cannot take all of a run.
    project = await startProject({ JOB_LOCK_S: '5', CONCURRENCY: '2', PROMETHEUS_PORT: `${prometheusPort}` });
    const body = { max_proposals_per_run: 10 };
    expect((await call(project, 'PATCH', '/user-preferences', { body })).status).toBe(200);
  }, BUILT_WITHIN_MS);
  afterAll(() => project.remove(), BUILT_WITHIN_MS);

  /** Where each service says how it is and what it counts; the gateway's from outside, the others' from within. */
  const ask = async (container: Container, route: string): Promise<{ status: number; text: string }> => {
    const { NetworkSettings } = container;
    if (!('3000/tcp' in NetworkSettings.Ports)) return await project.ask(container, `http://127.0.0.1:9100${route}`);
    const answer = await call(project, 'GET', route);
    return { status: answer.status, text: await answer.text() };
  };

  test.each(SERVICES)('%s is healthy, and says so itself', async (service) => {
    const container = await project.the(service);
    expect(container.State).toMatchObject({ Status: 'running', Health: { Status: 'healthy' } });
    expect(container.RestartCount).toBe(0);
    for (const route of ['/health/live', '/health/ready']) expect((await ask(container, route)).status).toBe(200);
  });

  test.each(SERVICES)('%s has its metrics where a Prometheus beside it would ask for them', async (service) => {
    const { status, text } = await ask(await project.the(service), '/metrics');
    expect(status).toBe(200);
    expect(text).toMatch(new RegExp(`^process_cpu_seconds_total\\{service="${service}"\\} [0-9.]+$`, 'm'));
    expect(text).toMatch(/^# TYPE quorum_/m);
  });

  test('what is done once has ended well, and the whole is well', async () => {
    for (const once of ['setup', 'demo'] as const) {
      expect((await project.the(once)).State).toMatchObject({ Status: 'exited', ExitCode: 0 });
    }
    // Each is heard of within some seconds of its start.
    await until('all of it to be well', async () => {
      const { status } = Health.parse(await (await call(project, 'GET', '/health')).json());
      return status === 'ok';
    });
  });

  test('the doctor finds nothing broken', async () => {
    const said = await project.compose('run', '--rm', '--no-deps', '--no-TTY', 'doctor', '--json');
    expect(JSON.parse(said)).toMatchObject({ healthy: true });
  });

  test(
    'a run through the published port casts votes, which the hub shows',
    async () => {
      const result = await run(project);
      expect(result).toMatchObject({ status: 'completed', dry_run: false, errors: [], user_preferences_applied: true });
      expect(result.votes_cast.length).toBeGreaterThan(0);
      const shown = await votesOn(
        project,
        result.decisions.map(({ proposal_id }) => proposal_id),
      );
      expect(ballotsOf(shown)).toEqual(ballotsOf(result.votes_cast));
      const kept = await project.node(
        await project.the('decider'),
        `import { readdirSync, readFileSync } from 'node:fs';
         const folder = '/var/lib/quorum/evidence/';
         for (const file of readdirSync(folder)) process.stdout.write(readFileSync(folder + file));`,
      );
      for (const { evidence_hash } of result.decisions) expect(kept).toContain(evidence_hash.replace(/^0x/, ''));
    },
    DONE_WITHIN_MS,
  );

  test.each([
    ['fetcher', 'hub'],
    ['decider', 'model'],
    ['voter', 'sequencer'],
  ] as const)(
    'a %s that crashes while it waits for the %s comes back, and each vote is cast once',
    async (service, endpoint) => {
      const proposals = await openProposals(project, 2);
      const { untilAsked } = await slowDown(project, { endpoint, latency_ms: 4_000 });
      const runId = await post(project);
      await untilAsked();
      const before = await project.the(service);
      await project.node(before, CRASH, service);
      await control(project, 'DELETE', 'faults');

      const result = await finished(project, runId);
      expect(result).toMatchObject({ status: 'completed', errors: [] });
      expect(result.votes_cast.map(({ proposal_id }) => proposal_id).toSorted()).toEqual(proposals.toSorted());
      expect(ballotsOf(await votesOn(project, proposals))).toEqual(ballotsOf(result.votes_cast));
      await untilHealthy(service);
      expect((await project.the(service)).RestartCount).toBe(before.RestartCount + 1);
    },
    DONE_WITHIN_MS,
  );

  test(
    'three deciders share the work',
    async () => {
      await project.compose('up', '--detach', '--wait', '--no-recreate', '--scale', 'decider=3');
      const deciders = await project.containers('decider');
      expect(deciders).toHaveLength(3);
      await until('three deciders to be well', async () => {
        const { instances } = Health.parse(await (await call(project, 'GET', '/health')).json());
        return instances.filter(({ service }) => service === 'decider').length === 3;
      });
      await openProposals(project, 6);
      await slowDown(project, { endpoint: 'model', latency_ms: 2_000 });
      const before = await Promise.all(deciders.map(decided));
      const result = await run(project);
      await control(project, 'DELETE', 'faults');
      expect(result).toMatchObject({ status: 'completed', errors: [], proposals_analyzed: 6 });
      const after = await Promise.all(deciders.map(decided));
      expect(after.every((count, nth) => count > (before[nth] ?? 0))).toBe(true);
    },
    DONE_WITHIN_MS,
  );

  test(
    'a Prometheus of compose sees each process, and each of three deciders',
    async () => {
      const observe = ['--profile', 'observe'];
      await project.compose(...observe, 'up', '--detach', '--wait', '--no-deps', 'prometheus');
      const seen = await until('every target to be up', async () => {
        const answer = await fetch(`http://127.0.0.1:${prometheusPort}/api/v1/targets`);
        const { data } = Targets.parse(await answer.json());
        const isUp = data.activeTargets.every(({ health }) => health === 'up');
        return isUp && data.activeTargets.length === 6 ? data.activeTargets : null;
      });
      const jobs = ['decider', 'decider', 'decider', 'fetcher', 'gateway', 'voter'];
      expect(seen.map(({ labels }) => labels.job).toSorted()).toEqual(jobs);
      await project.compose(...observe, 'rm', '--stop', '--force', 'prometheus');
    },
    DONE_WITHIN_MS,
  );

  async function untilHealthy(service: ServiceName): Promise<void> {
    await until(`${service} healthy again`, async () => {
      const { Health: health } = (await project.the(service)).State;
      return health?.Status === 'healthy';
    });
  }

  /** How many jobs this decider has done. */
  async function decided(container: Container): Promise<number> {
    const { text } = await ask(container, '/metrics');
    const counts = [...text.matchAll(/^quorum_jobs_total\{.*queue="decide".*\} (\d+)$/gm)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  test(
    'an owner whose keystore the tool of compose made votes with it',
    async () => {
      const wallet = Wallet.createRandom();
      const tool = ['run', '--rm', '--no-deps', '--no-TTY', 'signer-keys'];
      const owner = ['--owner', 'alice'];
      await project.compose(...tool, 'keystore', ...owner, '--voter', wallet.address, '--space', DEMO_SPACE);
      const asked = TypedData.parse(JSON.parse(await project.compose(...tool, 'alias', ...owner)));
      const { EIP712Domain: _named, ...types } = asked.types;
      const signature = await wallet.signTypedData(asked.domain, types, asked.message);
      await project.compose(...tool, 'alias', ...owner, '--signature', signature);
      await project.compose('restart', 'voter');
      await untilHealthy('voter');

      const made = ['create', ...owner, '--role', 'user', '--name', 'test'];
      const key = (await project.compose('exec', '-T', 'gateway', 'node', 'scripts/keys.ts', ...made)).trim();
      expect((await call(project, 'POST', '/voting/resume', { body: {}, key })).status).toBe(200);
      const body = { max_proposals_per_run: 10, voting_strategy: 'aggressive' };
      expect((await call(project, 'PATCH', '/user-preferences', { body, key })).status).toBe(200);
      await openProposals(project, 2);
      const result = await run(project, { key });
      expect(result).toMatchObject({ status: 'completed', dry_run: false, errors: [] });
      const cast = result.votes_cast.map(({ proposal_id }) => proposal_id);
      expect(cast.length).toBeGreaterThan(0);
      const shown = (await votesOn(project, cast)).filter(({ voter }) => voter === wallet.address);
      expect(ballotsOf(shown)).toEqual(ballotsOf(result.votes_cast));
    },
    DONE_WITHIN_MS,
  );

  test(
    'containers made anew, again and again, know every run',
    async () => {
      const before = await run(project, { dryRun: true });
      for (let times = 0; times < 2; times += 1) {
        await project.compose('up', '--detach', '--wait', '--force-recreate');
      }
      expect(await finished(project, before.run_id)).toEqual(before);
      // The sandbox has forgotten everything but the signer, which is announced to it anew.
      expect(await run(project)).toMatchObject({ status: 'completed', dry_run: false, errors: [] });
    },
    DONE_WITHIN_MS,
  );

  test(
    'where a key is needed the board opens by a link, once',
    async () => {
      await project.configure({ ALLOW_ANONYMOUS: '0' });
      expect((await call(project, 'GET', '/admin/queues')).status).toBe(401);
      const gateway = await project.the('gateway');
      const read = "import { readFileSync } from 'node:fs'; console.log(readFileSync(process.argv[1], 'utf8').trim());";
      const key = (await project.node(gateway, read, '/var/lib/quorum/secrets/gateway/api.key')).trim();
      const answer = await call(project, 'POST', '/admin/queues/link', { key });
      const { url } = z.object({ url: z.url() }).parse(await answer.json());
      const opened = await fetch(url, { redirect: 'manual' });
      expect(opened.status).toBe(303);
      const cookie = opened.headers.getSetCookie()[0]?.split(';')[0] ?? '';
      const board = await fetch(`${project.url}/admin/queues/api/queues`, { headers: { cookie } });
      expect(await board.json()).toMatchObject({
        queues: expect.arrayContaining([expect.objectContaining({ name: 'decide' })]),
      });
      expect((await fetch(url, { redirect: 'manual' })).status).toBe(410);
    },
    DONE_WITHIN_MS,
  );

  test(
    'nothing is left of it',
    async () => {
      expect(await project.leftOver()).not.toEqual([]);
      await project.remove();
      expect(await project.leftOver()).toEqual([]);
    },
    DONE_WITHIN_MS,
  );
});

const Targets = z.object({
  data: z.object({
    activeTargets: z.array(z.object({ health: z.string(), labels: z.object({ job: z.string() }) })),
  }),
});

const TypedData = z.object({
  domain: z.object({ name: z.string(), version: z.string() }),
  types: z.record(z.string(), z.array(z.object({ name: z.string(), type: z.string() }))),
  message: z.record(z.string(), z.unknown()),
});
