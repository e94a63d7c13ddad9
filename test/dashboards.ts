/** What `deploy/` provisions, read from its files: the dashboards' panels and their queries, and the pages that alerts name. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const PROMETHEUS_DIR = path.join(ROOT, 'deploy/prometheus');
const DASHBOARDS_DIR = path.join(ROOT, 'deploy/grafana/dashboards');

const Datasource = z.object({ type: z.literal('prometheus'), uid: z.string() });

const Target = z.object({
  datasource: Datasource,
  expr: z.string(),
  refId: z.string(),
  instant: z.boolean().optional(),
});

const Panel = z.object({
  id: z.int(),
  type: z.string(),
  title: z.string(),
  description: z.string().optional(),
  datasource: Datasource.optional(),
  gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
  fieldConfig: z.object({ defaults: z.looseObject({ unit: z.string().optional() }) }).optional(),
  targets: z.array(Target).default([]),
});
type Panel = z.infer<typeof Panel>;

const Variable = z.object({
  name: z.string(),
  type: z.string(),
  query: z.union([z.string(), z.looseObject({})]),
  allValue: z.string().optional(),
  current: z.object({ value: z.string() }),
});

const Dashboard = z.object({
  uid: z.string(),
  title: z.string(),
  description: z.string(),
  links: z.array(z.object({ url: z.string() })),
  templating: z.object({ list: z.array(Variable) }),
  panels: z.array(Panel),
});
export type Dashboard = z.infer<typeof Dashboard>;

/** All dashboards, by file. */
export const dashboards = (): readonly { readonly file: string; readonly dashboard: Dashboard }[] =>
  globSync('*.json', { cwd: DASHBOARDS_DIR })
    .toSorted()
    .map((file) => ({
      file,
      dashboard: Dashboard.parse(JSON.parse(readFileSync(path.join(DASHBOARDS_DIR, file), 'utf8'))),
    }));

/** The panels that show something; a row only parts them. */
export const panelsOf = ({ panels }: Dashboard): Panel[] => panels.filter(({ type }) => type !== 'row');

export type Query = {
  /** Dashboard, panel and target, for people. */
  readonly where: string;
  readonly expr: string;
  readonly instant: boolean;
};

/** Every query of every panel, its variables resolved as Grafana does before anybody chose anything. */
export function queriesOf(
  dashboard: Dashboard,
  built: { readonly rateInterval: string; readonly range: string },
): Query[] {
  const values = new Map([
    ['__rate_interval', built.rateInterval],
    ['__range', built.range],
    ...dashboard.templating.list.map(({ name, allValue, current }) => [name, allValue ?? current.value] as const),
  ]);
  const resolved = (expr: string): string =>
    expr.replaceAll(/\$(\w+)/g, (_all, name: string) => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`${dashboard.uid}: there is no variable $${name}`);
      return value;
    });
  return panelsOf(dashboard).flatMap(({ title, targets }) =>
    targets.map(({ refId, expr, instant = false }) => ({
      where: `${dashboard.uid}: ${title}: ${refId}`,
      expr: resolved(expr),
      instant,
    })),
  );
}

/** The text of the rule files. */
export const ruleFiles = (): string[] => globSync('*.rules.yml', { cwd: PROMETHEUS_DIR }).toSorted();

/** Names and selectors of metrics within an expression of PromQL. */
export const selectorsIn = (expr: string): string[] =>
  expr.match(/\b(?:quorum_\w+|process_\w+|nodejs_\w+|up\b|ALERTS)(?:\{[^}]*\})?/g) ?? [];
