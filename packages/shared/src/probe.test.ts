import { describe, expect, it } from 'vitest';
import { listeningLogger, quiet } from '../test/samples.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { type Probe, type ProbeOptions, startProbe, urlOf } from './probe.ts';

async function withProbe(given: Partial<ProbeOptions>, test: (probe: Probe) => Promise<void>): Promise<void> {
  const { registry } = createMetrics('voter');
  const probe = await startProbe({
    host: '127.0.0.1',
    port: 0,
    registry,
    log: quiet,
    ready: async () => true,
    ...given,
  });
  try {
    await test(probe);
  } finally {
    await probe.close();
  }
}

describe('the probe of a worker', () => {
  it('is alive and asks nobody', () =>
    withProbe({ ready: () => new Promise(() => {}) }, async ({ url }) => {
      const answer = await fetch(`${url}/health/live`);
      expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }));

  it('is ready as soon as, and only while, its service says so', async () => {
    let ready = false;
    await withProbe({ ready: async () => ready }, async ({ url }) => {
      expect((await fetch(`${url}/health/ready`)).status).toBe(503);
      ready = true;
      expect((await fetch(`${url}/health/ready?now`)).status).toBe(200);
      ready = false;
      const answer = await fetch(`${url}/health/ready`);
      expect([answer.status, await answer.json()]).toEqual([503, { status: 'not ready' }]);
    });
  });

  it('is not ready where asking fails, and tells the log alone why', async () => {
    const { log, lines } = listeningLogger();
    await withProbe(
      {
        log,
        ready: async () => {
          throw new Error('hunter2');
        },
      },
      async ({ url }) => {
        const answer = await fetch(`${url}/health/ready`);
        expect([answer.status, await answer.text()]).toEqual([500, '{"status":"error"}']);
      },
    );
    expect(lines).toMatchObject([{ msg: 'probe not answered', err: { message: 'hunter2' } }]);
  });

  it('shows the metrics for Prometheus', async () => {
    const metrics = createMetrics('voter');
    metrics.outcomes.inc({ kind: 'skipped', why: 'risk' });
    await withProbe({ registry: metrics.registry }, async ({ url }) => {
      const answer = await fetch(`${url}/metrics`);
      expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
      const text = await answer.text();
      expect(text).toContain('quorum_outcomes_total{kind="skipped",why="risk",service="voter"} 1');
      expect(text).toContain('process_cpu_seconds_total');
    });
  });

  it('says what there is where there is nothing, and takes no writes', () =>
    withProbe({}, async ({ url }) => {
      const nothing = await fetch(url);
      expect(nothing.status).toBe(404);
      expect(await nothing.json()).toMatchObject({ paths: ['/metrics', '/health/live', '/health/ready'] });
      expect((await fetch(`${url}/health/live`, { method: 'POST' })).status).toBe(405);
    }));

  it('cannot start on a port that is taken', () =>
    withProbe({}, async ({ url }) => {
      await expect(withProbe({ port: Number(new URL(url).port) }, async () => {})).rejects.toThrow(/EADDRINUSE/);
    }));

  it('closes although a client holds its connection', async () => {
    let url = '';
    await withProbe({}, async (probe) => {
      url = probe.url;
      await fetch(`${url}/health/live`, { headers: { connection: 'keep-alive' } });
    });
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
  });
});

describe('two services in one process', () => {
  it('do not mix up their metrics', async () => {
    const [one, other] = [createMetrics('one'), createMetrics('other')];
    one.runs.inc({ status: 'completed' });
    const counted = async ({ registry }: Metrics): Promise<string | undefined> =>
      /^quorum_runs_total\{status="completed".*$/m.exec(await registry.metrics())?.[0];
    expect(await counted(one)).toBe('quorum_runs_total{status="completed",service="one"} 1');
    expect(await counted(other)).toBe('quorum_runs_total{status="completed",service="other"} 0');
  });
});

describe('the URL of a server', () => {
  it.for([
    ['127.0.0.1', 'http://127.0.0.1:80'],
    ['localhost', 'http://localhost:80'],
    ['0.0.0.0', 'http://127.0.0.1:80'],
    ['::', 'http://127.0.0.1:80'],
    ['::1', 'http://[::1]:80'],
  ] as const)('that listens on %s is %s', ([host, url]) => {
    expect(urlOf({ address: host, family: 'IPv4', port: 80 }, host)).toBe(url);
  });

  it('that does not listen is an error', () => {
    expect(() => urlOf(null, 'localhost')).toThrow();
  });
});
