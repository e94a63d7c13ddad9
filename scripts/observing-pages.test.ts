import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { allMetrics } from './all-metrics.ts';
import { LOGS_FILE, logsPage, METRICS_FILE, metricsPage } from './observing-pages.ts';

const metrics = allMetrics();
const ours = metrics.filter(({ name }) => name.startsWith('quorum_'));

describe('the pages of metrics and logs', () => {
  test.each([
    ['metrics.md', METRICS_FILE, metricsPage],
    ['logs.md', LOGS_FILE, logsPage],
  ])('%s is what is registered and catalogued', async (_name, file, page) => {
    expect(await readFile(file, 'utf8'), 'npm run docs').toBe(page());
  });

  test('name no metric that a service does not have: one that is invented is found out', () => {
    const made = { name: 'quorum_made_up_total', help: 'x', type: 'counter', labels: [], services: ['voter'] } as const;
    expect(metricsPage([...metrics, made])).not.toBe(metricsPage());
    const everywhere = { ...made, services: ['gateway', 'fetcher', 'decider', 'voter'] } as const;
    expect(() => metricsPage([...metrics, everywhere])).toThrow(/quorum_made_up_total/);
  });
});

describe('each metric of ours', () => {
  test('is one of many', () => expect(ours.length).toBeGreaterThan(45));

  test.each(ours)(
    '$name is named, labelled and explained as Prometheus would have it',
    ({ name, type, help, labels }) => {
      expect(name).toMatch(/^quorum_[a-z0-9_]+$/);
      if (type === 'counter') expect(name).toMatch(/_total$/);
      else expect(name).not.toMatch(/_total$/);
      if (type === 'histogram') expect(name).toMatch(/_(seconds|ratio|bytes)$/);
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|hours|days|percent)(_|$)/);
      expect(help).toMatch(/^[A-Z].{10,}[^.]$/);
      // What an id, a person or a text could stand in.
      const unbounded = [
        'owner',
        'run',
        'run_id',
        'proposal',
        'proposal_id',
        'space',
        'space_id',
        'model',
        'address',
        'error',
        'job_id',
      ];
      expect(labels.filter((label) => unbounded.includes(label))).toEqual([]);
    },
  );
});
