/**
 * What `deploy/` provisions for Prometheus and Grafana is whole: panels with title, unit and description, alerts with a runbook, each
 * of which fires and ends by promtool's own tests. That every query finds data is shown by `e2e/dashboards.slow.test.ts`.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { allMetrics } from '../scripts/all-metrics.ts';
import { dashboards, panelsOf, PROMETHEUS_DIR, queriesOf, ROOT, ruleFiles, selectorsIn } from './dashboards.ts';
import { promtool, promtoolPath } from './prometheus.ts';

const read = (...parts: string[]): string => readFileSync(path.join(...parts), 'utf8');
const SHARED_BY_ALL = ['up', 'ALERTS'];
/** Node's own, by the names that prom-client gives them. */
const OF_NODE = /^(?:process|nodejs)_/;
const known = new Set(
  allMetrics().flatMap(({ name, type }) =>
    type === 'histogram' ? ['bucket', 'count', 'sum'].map((part) => `${name}_${part}`) : [name],
  ),
);
const isKnown = (name: string): boolean => known.has(name) || SHARED_BY_ALL.includes(name) || OF_NODE.test(name);
const unknownIn = (expr: string): string[] =>
  selectorsIn(expr)
    .map((selector) => selector.replace(/\{.*/s, ''))
    .filter((name) => !isKnown(name));

const provisioned = dashboards();

test('there are three dashboards, each with an id of its own that the others link to', () => {
  const uids = provisioned.map(({ dashboard }) => dashboard.uid);
  expect(uids.toSorted()).toEqual(['quorum-models', 'quorum-votes', 'quorum-work']);
  for (const { dashboard } of provisioned) {
    const others = uids.filter((uid) => uid !== dashboard.uid).map((uid) => `/d/${uid}`);
    expect(dashboard.links.map(({ url }) => url).toSorted()).toEqual(others.toSorted());
  }
});

describe.each(provisioned)('$file', ({ dashboard }) => {
  const panels = panelsOf(dashboard);

  test('has panels with a title of their own, a unit and a description', () => {
    expect(panels.length).toBeGreaterThan(10);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    for (const { title, description = '', fieldConfig, targets } of panels) {
      expect(title).toMatch(/\S/);
      expect(description.length, title).toBeGreaterThan(20);
      expect(fieldConfig?.defaults.unit, title).toMatch(/\S/);
      expect(targets.length, title).toBeGreaterThan(0);
    }
  });

  test('lays them out without a panel upon another', () => {
    const fields = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)}/${y + Math.floor(at / w)}`),
    );
    expect(new Set(fields).size).toBe(fields.length);
    expect(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });

  test('asks the Prometheus that is provisioned, by its variable', () => {
    const source = read(ROOT, 'deploy/grafana/provisioning/datasources/prometheus.yml');
    const uid = /^ {4}uid: (\S+)$/m.exec(source)?.[1];
    expect(dashboard.templating.list[0]).toMatchObject({
      name: 'datasource',
      type: 'datasource',
      current: { value: uid },
    });
    for (const { datasource, targets } of panels) {
      for (const one of [datasource, ...targets.map((target) => target.datasource)]) {
        expect(one).toEqual({ type: 'prometheus', uid: '${datasource}' });
      }
    }
  });

  test('asks for metrics that there are', () => {
    const queries = queriesOf(dashboard, { rateInterval: '1m', range: '1h' });
    expect(queries.length).toBeGreaterThanOrEqual(panels.length);
    for (const { where, expr } of queries) {
      expect(selectorsIn(expr).length, where).toBeGreaterThan(0);
      expect(unknownIn(expr), where).toEqual([]);
    }
  });
});

describe.each(ruleFiles())('%s', (file) => {
  const text = read(PROMETHEUS_DIR, file);
  const alerts = text.split(/^ {6}- alert: /m).slice(1);

  test('has alerts with a severity, words, a runbook that is there, and metrics that there are', () => {
    expect(alerts.length).toBeGreaterThan(0);
    for (const alert of alerts) {
      const name = alert.split('\n')[0];
      expect(alert, name).toMatch(/^ {8}labels: \{ severity: (?:critical|warning|info) \}$/m);
      expect(alert, name).toMatch(/^ {10}summary: \S/m);
      expect(alert, name).toMatch(/^ {10}description: \S/m);
      const runbook = /^ {10}runbook_url: (docs\/operations\/runbooks\/[a-z-]+\.md)$/m.exec(alert)?.[1] ?? '';
      expect(existsSync(path.join(ROOT, runbook)), name).toBe(true);
      expect(read(ROOT, runbook), name).toContain(`\`${name}\``);
      const expr = alert.slice(0, alert.indexOf('annotations:'));
      expect(selectorsIn(expr).length, name).toBeGreaterThan(0);
      expect(unknownIn(expr), name).toEqual([]);
    }
  });

  test('has each of them tried: it fires, with all that it says, and ends', () => {
    const tried = read(PROMETHEUS_DIR, file.replace(/\.yml$/, '.test.yml'));
    for (const alert of alerts) {
      const name = alert.split('\n')[0] ?? '';
      const its = tried.split(/^ {2}- name: /m).find((one) => one.startsWith(`${name}\n`)) ?? '';
      const [last = ''] = its.trimEnd().split('\n').slice(-1);
      expect(its, name).toContain('exp_annotations:');
      // The last look at it expects nothing.
      expect(last.trim(), name).toMatch(new RegExp(`^- \\{ alertname: ${name}, eval_time: \\d+m \\}$`));
    }
  });
});

test('every runbook belongs to an alert, and says what it means, how to look, what to do, and when it is over', () => {
  const named = new Set(
    ruleFiles().flatMap((file) => read(PROMETHEUS_DIR, file).match(/docs\/operations\/runbooks\/[a-z-]+\.md/g) ?? []),
  );
  const pages = globSync('docs/operations/runbooks/*.md', { cwd: ROOT });
  expect(pages.toSorted()).toEqual([...named].toSorted());
  for (const page of pages) {
    const headings = [...read(ROOT, page).matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    expect(headings, page).toEqual(['What it means', 'How to look', 'What to do', 'When it is over']);
  }
});

const tool = await promtoolPath();
describe.skipIf(tool === null)(tool === null ? 'promtool (skipped: apt-get install prometheus)' : 'promtool', () => {
  test('takes the configuration and the rules', async () => {
    for (const args of [
      ['check', 'config', 'prometheus.yml'],
      ['check', 'rules', ...ruleFiles()],
    ]) {
      const { ok, said } = await promtool(tool ?? '', args);
      expect(ok, said).toBe(true);
    }
  });

  test.each(ruleFiles())('finds that the alerts of %s fire and end', async (file) => {
    const { ok, said } = await promtool(tool ?? '', ['test', 'rules', file.replace(/\.yml$/, '.test.yml')]);
    expect(ok, said).toBe(true);
    expect(said).toContain('SUCCESS');
  });
});
