/**
 * The static gates: types, lint, format, dead code, boundaries, what is made of the schemas, secrets, and packages with a known
 * weakness. Each says whether it holds, or that it could not be tried, and knows the command that mends it. All run at the same
 * time; together they take as long as the slowest.
 */
import { execFile } from 'node:child_process';
import { glob } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { ROOT } from './root.ts';
import { z } from 'zod';
import { auditPackages } from './advisories.ts';
import { configurationIsFresh } from './configuration.ts';
import { openApiIsFresh } from './openapi.ts';
import { scanRepository } from './secret-scan.ts';

const BROKEN_ON_PURPOSE = path.join(ROOT, 'scripts/fixtures/boundaries');
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export interface GateResult {
  readonly name: string;
  /** Also of one that could not be tried. */
  readonly passed: boolean;
  readonly skipped?: boolean;
  /** What was found, or why nobody could look, for people. */
  readonly output: string;
  /** What mends it. */
  readonly remedy: string;
  readonly seconds: number;
}

interface Gate {
  readonly name: string;
  readonly remedy: string;
  readonly run: () => Promise<Finding>;
}

interface Finding {
  readonly passed: boolean;
  readonly skipped?: boolean;
  readonly output: string;
}

const GATES: readonly Gate[] = [
  {
    name: 'types',
    remedy: 'npx tsc -p .   shows them again; mend them in the editor',
    run: () => program('tsc', ['-p', '.']),
  },
  {
    name: 'lint',
    remedy: 'npm run format   mends what can be mended by itself',
    run: () => program('oxlint', ['--type-aware']),
  },
  { name: 'format', remedy: 'npm run format', run: () => program('oxfmt', ['--check']) },
  {
    name: 'dead code',
    remedy: 'npx knip --fix --allow-remove-files   removes it (look at the diff)',
    run: () => program('knip', ['--no-progress']),
  },
  {
    name: 'boundaries',
    remedy: 'move what both need one package down; the rules are in .dependency-cruiser.cjs',
    run: boundaries,
  },
  { name: 'configuration', remedy: 'npm run docs', run: configuration },
  { name: 'openapi', remedy: 'npm run docs', run: openApi },
  {
    name: 'secrets',
    remedy: 'take it out, make a new one (docs/operations/secrets.md), and out of the history too if it was pushed',
    run: secrets,
  },
  {
    name: 'advisories',
    remedy: 'raise the package in pnpm-workspace.yaml; or say in scripts/advisories.ts why it does not touch us',
    run: advisories,
  },
];

/** Runs every gate; none is left out because another one failed. */
export async function runGates(): Promise<GateResult[]> {
  return await Promise.all(
    GATES.map(async ({ name, remedy, run }) => {
      const started = performance.now();
      const { passed, skipped = false, output } = await run();
      return { name, remedy, passed, skipped, output, seconds: (performance.now() - started) / 1000 };
    }),
  );
}

/** The gates as lines for people: one for each that holds, more for one that does not. */
export function describeGates(results: readonly GateResult[]): string {
  return results
    .map(({ name, passed, skipped = false, output, remedy, seconds }) =>
      skipped
        ? `– ${name}: skipped: ${output}`
        : passed
          ? `✓ ${name} (${seconds.toFixed(1)} s)`
          : `✗ ${name}\n${output.trimEnd().replaceAll(/^/gm, '  │ ')}\n  → ${remedy}`,
    )
    .join('\n');
}

/** Runs a program of node_modules/.bin in the root of the tree, or in another folder. */
function program(name: string, args: readonly string[], cwd = ROOT): Promise<Finding & { stdout: string }> {
  return new Promise((resolve) => {
    const file = path.join(ROOT, 'node_modules/.bin', name);
    execFile(file, args, { cwd, maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout, stderr) => {
      const missing = error && typeof error.code === 'string' ? error.message : '';
      resolve({ passed: error === null, stdout, output: [stdout, stderr, missing].filter(Boolean).join('\n') });
    });
  });
}

/** The page is made of the schemas: one of the two was changed alone. */
async function configuration(): Promise<Finding> {
  const passed = await configurationIsFresh();
  return { passed, output: passed ? '' : 'docs/configuration.md is not what the schemas say.' };
}

async function secrets(): Promise<Finding> {
  const scanned = await scanRepository(ROOT);
  if (scanned.kind === 'skipped') return { passed: true, skipped: true, output: scanned.why };
  return { passed: scanned.findings.length === 0, output: scanned.findings.join('\n') };
}

async function advisories(): Promise<Finding> {
  const audited = await auditPackages(ROOT);
  if (audited.kind === 'skipped') return { passed: true, skipped: true, output: audited.why };
  return { passed: audited.findings.length === 0, output: audited.findings.join('\n') };
}

/** The document is made of the catalogue of routes: one of the two was changed alone. */
async function openApi(): Promise<Finding> {
  const passed = await openApiIsFresh();
  return { passed, output: passed ? '' : 'services/gateway/openapi.json is not what the routes say.' };
}

// --- Boundaries -----------------------------------------------------------------------------------------------------

const Cruised = z.object({
  modules: z.array(z.object({ source: z.string() })),
  summary: z.object({
    violations: z.array(z.object({ from: z.string(), to: z.string(), rule: z.object({ name: z.string() }) })),
  }),
});
type Cruised = z.infer<typeof Cruised>;

const Rules = z.object({ forbidden: z.array(z.object({ name: z.string(), comment: z.string() })) });

export interface Boundaries {
  readonly tree: Cruised;
  /** A tree in which each of the rules is broken. */
  readonly broken: Cruised;
  /** The files that must have been read. */
  readonly sources: readonly string[];
  readonly rules: z.infer<typeof Rules>['forbidden'];
}

async function boundaries(): Promise<Finding> {
  const { forbidden: rules } = Rules.parse(createRequire(import.meta.url)('../.dependency-cruiser.cjs'));
  const [tree, broken, sources] = await Promise.all([
    cruise(ROOT, ['services', 'packages', 'scripts', 'test', 'bench', 'eval']),
    cruise(BROKEN_ON_PURPOSE, ['services', 'packages', 'scripts', 'eval']),
    sourceFiles(),
  ]);
  if (typeof tree === 'string') return { passed: false, output: tree };
  if (typeof broken === 'string') return { passed: false, output: broken };
  const problems = boundaryProblems({ tree, broken, sources, rules });
  return { passed: problems.length === 0, output: problems.join('\n') };
}

/**
 * A cruiser that reads nothing finds nothing and is green; so it must have read the source files that are there, and the
 * same rules must all be reported for a tree in which each of them is broken.
 */
export function boundaryProblems({ tree, broken, sources, rules }: Boundaries): string[] {
  const broke = tree.summary.violations.map(({ from, to, rule: { name } }) => {
    const why = rules.find((rule) => rule.name === name)?.comment ?? '';
    return `${from} → ${to}: ${name}. ${why}`;
  });
  const read = new Set(tree.modules.map(({ source }) => source));
  const unread = sources
    .filter((source) => !read.has(source))
    .map((source) => `${source} was not read: of it the rules prove nothing.`);
  const reported = new Set(broken.summary.violations.map(({ rule }) => rule.name));
  const dead = rules
    .filter(({ name }) => !reported.has(name))
    .map(({ name }) => `The rule ${name} is dead: scripts/fixtures/boundaries breaks it, and it was not reported.`);
  return [...broke, ...unread, ...dead];
}

async function cruise(cwd: string, folders: readonly string[]): Promise<Cruised | string> {
  const config = path.join(ROOT, '.dependency-cruiser.cjs');
  const { stdout, output } = await program('depcruise', ['--config', config, '--output-type', 'json', ...folders], cwd);
  try {
    return Cruised.parse(JSON.parse(stdout));
  } catch {
    return output; // it broke: what it said is what people need
  }
}

/** The source files of services, packages and the evaluation. */
async function sourceFiles(): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob('{{services,packages}/*,eval}/src/**/*.ts', { cwd: ROOT })) files.push(file);
  return files.map((file) => file.replaceAll(path.sep, '/')).toSorted();
}
