/**
 * The gate against packages with a known weakness: what `pnpm audit` says of the lock file, held against what was looked at and
 * argued here. Any severity counts; an argument that is needed no more is taken out again. Where nobody answers the question, that is
 * no answer: the gate is skipped, and counted so.
 */
import { execFile } from 'node:child_process';
import { glob } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

/** Why a weakness does not touch us, by its GHSA id, each with what would end the argument. */
const ARGUED: Readonly<Record<string, string>> = {};

const WITHIN_MS = 30_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

const Audit = z.object({
  advisories: z.record(
    z.string(),
    z.object({ module_name: z.string(), severity: z.string(), title: z.string(), github_advisory_id: z.string() }),
  ),
  metadata: z.object({ totalDependencies: z.int().min(1) }),
});

export type Audited =
  | { readonly kind: 'audited'; readonly findings: readonly string[] }
  | { readonly kind: 'skipped'; readonly why: string };

/** Asks the registry that npm is set to, or another one. */
export async function auditPackages(root: string, argued = ARGUED, registry?: string): Promise<Audited> {
  const pnpm = await pinnedPnpm(root);
  if (pnpm === undefined) return { kind: 'skipped', why: 'pnpm is not here, since nothing had to be installed' };
  const where = registry === undefined ? [] : ['--registry', registry];
  const { stdout, stderr } = await run(pnpm, ['audit', '--json', '--config.fetch-retries=0', ...where], root);
  const answer = parseAudit(stdout);
  // What the registry's own words are stays out of a log: its address may hold a password.
  if (answer === null)
    return { kind: 'skipped', why: `the registry does not answer the audit request (${reasonIn(stderr)})` };
  return { kind: 'audited', findings: judge(answer, argued) };
}

function judge({ advisories }: z.infer<typeof Audit>, argued: Readonly<Record<string, string>>): string[] {
  const known = Object.values(advisories);
  const open = known
    .filter(({ github_advisory_id: id }) => argued[id] === undefined)
    .map(({ module_name: name, severity, title, github_advisory_id: id }) => `${name}: ${severity}: ${title} (${id})`);
  const stale = Object.keys(argued)
    .filter((id) => !known.some((one) => one.github_advisory_id === id))
    .map((id) => `${id} is argued in scripts/advisories.ts, and no package has it any more: take it out.`);
  return [...open, ...stale];
}

function parseAudit(text: string): z.infer<typeof Audit> | null {
  try {
    return Audit.safeParse(JSON.parse(text)).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function reasonIn(text: string): string {
  const status = /responded with\s+(\d{3})/.exec(text)?.[1];
  return status === undefined ? (/ERR_[A-Z_]+/.exec(text)?.[0] ?? 'in time') : `it said ${status}`;
}

/** The one that the bootstrap fetched; there may be an older one beside it. */
async function pinnedPnpm(root: string): Promise<string | undefined> {
  const found: string[] = [];
  for await (const file of glob('.data/pnpm-*/node_modules/.bin/pnpm', { cwd: root })) found.push(file);
  const last = found.toSorted().at(-1);
  return last === undefined ? undefined : path.join(root, last);
}

function run(program: string, args: readonly string[], cwd: string): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, timeout: WITHIN_MS, maxBuffer: MAX_OUTPUT_BYTES }, (_error, stdout, stderr) =>
      resolve({ stdout, stderr }),
    );
  });
}
