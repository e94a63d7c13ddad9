/**
 * A real Prometheus for one test, with what `deploy/prometheus` says, but that it scrapes the processes of a test and has little time.
 * `prometheusPath` and `promtoolPath` are null where there is none (Debian: `apt-get install prometheus`).
 */
import { execFile, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { freePort } from '../scripts/ports.ts';
import { PROMETHEUS_DIR, ruleFiles } from './dashboards.ts';
import { until } from './stack.ts';

async function onPath(name: string): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const file = path.join(folder, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return null;
}

export const prometheusPath = (): Promise<string | null> => onPath('prometheus');
export const promtoolPath = (): Promise<string | null> => onPath('promtool');

/** Runs promtool in the folder of the rules; what it says, and whether all is well. */
export function promtool(executable: string, args: readonly string[]): Promise<{ ok: boolean; said: string }> {
  return new Promise((resolve) => {
    execFile(executable, args, { cwd: PROMETHEUS_DIR }, (error, stdout, stderr) => {
      resolve({ ok: error === null, said: `${stdout}${stderr}` });
    });
  });
}

const Series = z.object({
  metric: z.record(z.string(), z.string()),
  value: z.tuple([z.number(), z.string()]).optional(),
  values: z.array(z.tuple([z.number(), z.string()])).optional(),
});
const Answer = z.object({ status: z.literal('success'), data: z.object({ result: z.array(Series) }) });
const Targets = z.object({
  data: z.object({ activeTargets: z.array(z.object({ scrapePool: z.string(), health: z.string() })) }),
});
const Rule = z.object({
  name: z.string(),
  query: z.string(),
  health: z.string(),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
});
export type Rule = z.infer<typeof Rule>;
const Rules = z.object({ data: z.object({ groups: z.array(z.object({ rules: z.array(Rule) })) }) });

export type Prometheus = {
  readonly url: string;
  /** The numbers that the query gives, of all series, now or at every second since `sinceMs`; what is NaN is no number. */
  readonly numbers: (expr: string, sinceMs: number | null) => Promise<number[]>;
  /** The health of each target that it scrapes, by job. */
  readonly targets: () => Promise<readonly { readonly scrapePool: string; readonly health: string }[]>;
  readonly rules: () => Promise<readonly Rule[]>;
  readonly stop: () => Promise<void>;
};

/**
 * Starts it. `targets` are the `host:port`s to scrape in the place of what each job of the configuration looks up or names; a job
 * that is not among them, or has no target there, is an error.
 */
export async function startPrometheus(
  executable: string,
  targets: Readonly<Record<string, readonly string[]>>,
): Promise<Prometheus> {
  const dir = await mkdtemp(path.join(tmpdir(), 'quorum-prometheus-'));
  for (const file of ruleFiles()) await copyFile(path.join(PROMETHEUS_DIR, file), path.join(dir, file));
  const config = await readFile(path.join(PROMETHEUS_DIR, 'prometheus.yml'), 'utf8');
  await writeFile(path.join(dir, 'prometheus.yml'), configFor(config, targets));

  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    executable,
    [
      `--config.file=${path.join(dir, 'prometheus.yml')}`,
      `--storage.tsdb.path=${path.join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const stop = async (): Promise<void> => {
    process.off('exit', killAtExit);
    child.kill();
    await ended;
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await until('a Prometheus that is ready', async () => {
      if (child.exitCode !== null) throw new Error(`Prometheus ended: ${said}`);
      return await fetch(`${url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    });
  } catch (error) {
    await stop();
    throw error;
  }

  const ask = async <T>(answer: z.ZodType<T>, route: string, params: Readonly<Record<string, string>>): Promise<T> => {
    const response = await fetch(`${url}/api/v1/${route}?${new URLSearchParams(params).toString()}`);
    if (!response.ok) throw new Error(`${route} ${JSON.stringify(params)}: ${await response.text()}`);
    return answer.parse(await response.json());
  };
  return {
    url,
    async numbers(query, sinceMs) {
      const now = Date.now() / 1_000;
      const { data } = await (sinceMs === null
        ? ask(Answer, 'query', { query })
        : ask(Answer, 'query_range', { query, start: `${sinceMs / 1_000}`, end: `${now}`, step: '1' }));
      return data.result
        .flatMap(({ value, values = [] }) => (value === undefined ? values : [value]))
        .map(([, text]) => Number(text))
        .filter((number) => !Number.isNaN(number));
    },
    targets: async () => (await ask(Targets, 'targets', {})).data.activeTargets,
    rules: async () => (await ask(Rules, 'rules', {})).data.groups.flatMap(({ rules }) => rules),
    stop,
  };
}

const JOB = /( {2}- job_name: (\w+)\n(?: {4}honor_labels: true\n))(?: {4}(?:dns_sd|static)_configs:\n(?: {6,}.*\n)+)/g;

/** The configuration with these targets, every second. */
function configFor(config: string, targets: Readonly<Record<string, readonly string[]>>): string {
  const jobs = [...config.matchAll(/- job_name: (\w+)/g)].map(([, job]) => job);
  const replaced: string[] = [];
  const text = config
    .replaceAll(/^( {2}(?:scrape_interval|scrape_timeout|evaluation_interval)): .*$/gm, '$1: 1s')
    .replaceAll(JOB, (_all, head: string, job: string) => {
      const its = targets[job] ?? [];
      if (its.length === 0) throw new Error(`There is nothing to scrape for the job ${job}`);
      replaced.push(job);
      return `${head}    static_configs:\n      - targets: ${JSON.stringify(its)}\n`;
    });
  if (replaced.length === 0 || replaced.join() !== jobs.join())
    throw new Error(`Replaced ${replaced.join()} of ${jobs.join()}`);
  return text;
}
