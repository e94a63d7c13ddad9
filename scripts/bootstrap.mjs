/**
 * What every `npm run …` goes through: it makes sure that the right Node, the pinned pnpm, Redis and the packages are
 * there, all of them inside this folder, and then runs the command's script with them. Plain JavaScript without a
 * dependency, because it must run on Node 20 in a fresh clone.
 *
 *     node scripts/bootstrap.mjs start --once --json
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandsIn } from './commands.mjs';
import { withLock } from './lock.mjs';
import { lookForRedis, unpackRedis } from './redis.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const DATA = path.join(ROOT, '.data');
const BIN = path.join(ROOT, 'node_modules/.bin');
const WINDOWS = process.platform === 'win32';
const EXE = WINDOWS ? '.exe' : '';

const LOOK_AT_THE_NETWORK = 'Look at the network and the npm registry (npm ping), then try again.';
const ORPHAN_CHECK_MS = 500;
const NODE_WANTED = 'node@24';
const PNPM_VERSION = '12.21.0';

/** The processes of npm above us, known from the start: one that dies while we set up is missed by its id as well. */
const NPM = process.env.npm_lifecycle_event === undefined ? [] : npmAbove();

/** By name. */
const COMMANDS = commandsIn(DATA);

/** A step that failed: what, the end of its log, and one thing to do about it. */
class StepFailed extends Error {
  constructor(what, log, remedy) {
    super([`${what} failed.`, ...log.map((line) => `  │ ${line}`), `→ ${remedy}`].join('\n'));
  }
}

async function main([name, ...args]) {
  const command = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name] : undefined;
  if (!command) {
    say(name === undefined ? 'Which command?' : `There is no command "${name}".`);
    for (const [known, { does }] of Object.entries(COMMANDS)) say(`  npm run ${known.padEnd(12)}  ${does}`);
    return 2;
  }
  if (Number(process.versions.node.split('.')[0]) < 20) {
    say(
      `This is Node ${process.versions.node}; Node 20 or newer is needed.\n→ Install Node 24 from https://nodejs.org`,
    );
    return 1;
  }
  const isOwnRedis = name.startsWith('test') || name === 'bench' || !hasForeignRedis();
  const wanted = { redis: (command.needs ?? []).includes('redis') && isOwnRedis };
  if (!isReady(wanted)) await withLock(path.join(DATA, 'bootstrap.lock'), say, () => prepare(wanted));
  const env = { ...command.env, ...toolEnv() };
  for (const [program, ...rest] of command.run) {
    const code = await runToEnd(program, [...rest, ...args], env);
    if (code !== 0) return code;
  }
  return 0;
}

function isReady(wanted) {
  return nodeFolder() !== undefined && stampHolds() && (!wanted.redis || lookForRedis() !== undefined);
}

/** Everything that is missing, as far as possible at the same time. Asks again what is missing: it may have waited. */
async function prepare(wanted) {
  await mkdir(path.join(DATA, 'logs'), { recursive: true });
  const jobs = [];
  if (!nodeFolder()) jobs.push(fetchNode());
  if (!stampHolds() && !existsSync(pnpmBinary())) jobs.push(fetchPnpm());
  if (wanted.redis && !lookForRedis()) jobs.push(step('Redis', () => unpackRedis()));
  const failed = (await Promise.allSettled(jobs)).filter((result) => result.status === 'rejected');
  if (failed.length > 0) throw failed[0].reason;
  if (!stampHolds()) await installPackages();
}

// --- Node -----------------------------------------------------------------------------------------------------------

/** The folder of a Node that runs TypeScript as it is: the running one or the fetched one; undefined if there is none. */
function nodeFolder() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major >= 24 || (major === 22 && minor >= 22)) return path.dirname(process.execPath);
  const fetched = path.join(DATA, 'node/node_modules/node/bin');
  return existsSync(path.join(fetched, `node${EXE}`)) && existsSync(path.join(DATA, 'node/complete'))
    ? fetched
    : undefined;
}

/** The remedy for a log that shows no trouble with the network; for one that does, nothing else helps. */
function withoutNetwork(remedy) {
  return (log) => (/ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|CERT/.test(log) ? LOOK_AT_THE_NETWORK : remedy);
}

async function fetchNode() {
  const remedy = 'Install Node 24 from https://nodejs.org and try again.';
  await step(`Node 24 (the one here is ${process.versions.node})`, async (log) => {
    await npmInstall('node', NODE_WANTED, log, withoutNetwork(remedy));
    const binary = path.join(DATA, 'node/node_modules/node/bin', `node${EXE}`);
    await runLogged(binary, ['--version'], log, remedy);
    await writeFile(path.join(DATA, 'node/complete'), NODE_WANTED);
  });
}

// --- Packages -------------------------------------------------------------------------------------------------------

function pnpmBinary() {
  return path.join(DATA, `pnpm-${PNPM_VERSION}/node_modules/.bin/pnpm${WINDOWS ? '.cmd' : ''}`);
}

async function fetchPnpm() {
  await step('pnpm', (log) => npmInstall(`pnpm-${PNPM_VERSION}`, `pnpm@${PNPM_VERSION}`, log, LOOK_AT_THE_NETWORK));
}

async function installPackages() {
  const remedy = (log) =>
    log.includes('frozen-lockfile')
      ? `A package.json changed: run  ${path.relative(ROOT, pnpmBinary())} install  and commit pnpm-lock.yaml.`
      : LOOK_AT_THE_NETWORK;
  await step('packages', async (log) => {
    await rm(stampFile(), { force: true });
    await runLogged(pnpmBinary(), ['install', '--frozen-lockfile', '--reporter=append-only'], log, remedy);
    await writeFile(stampFile(), stamp());
  });
}

/** The stamp lies in node_modules, so that it goes with what it vouches for. */
function stampFile() {
  return path.join(ROOT, 'node_modules/.quorum-stamp');
}

function stampHolds() {
  return existsSync(stampFile()) && readFileSync(stampFile(), 'utf8') === stamp();
}

/** Changes when an install would do something: lock file, workspace file, any package.json, the platform. */
function stamp() {
  const hash = createHash('sha256').update(`${PNPM_VERSION} ${process.platform} ${process.arch}`);
  const files = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', 'eval/package.json'];
  for (const group of ['services', 'packages']) {
    for (const name of readdirSync(path.join(ROOT, group)).toSorted()) files.push(`${group}/${name}/package.json`);
  }
  for (const file of files) {
    const full = path.join(ROOT, file);
    if (existsSync(full)) hash.update(`\0${file}\0`).update(readFileSync(full));
  }
  return hash.digest('hex');
}

// --- Redis ----------------------------------------------------------------------------------------------------------

/** Whether `npm start`, and who works on what it keeps, will use a Redis of the operator's. */
function hasForeignRedis() {
  if (process.env.REDIS_URL) return true;
  const file = path.join(ROOT, '.env');
  return existsSync(file) && /^\s*(export\s+)?REDIS_URL\s*=\s*['"]?\w/m.test(readFileSync(file, 'utf8'));
}

// --- Running things -------------------------------------------------------------------------------------------------

/** Runs one step with a log of its own and says how long it took. */
async function step(what, work) {
  const started = Date.now();
  const log = path.join(DATA, 'logs', `setup-${what.split(' ')[0].toLowerCase()}.log`);
  say(`… ${what}`);
  await rm(log, { force: true });
  await work(log);
  say(`✓ ${what}, ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** Installs one package of npm's registry into a folder of its own under `.data`, with the npm that is there. */
async function npmInstall(folder, spec, log, remedy) {
  const prefix = path.join(DATA, folder);
  await rm(prefix, { recursive: true, force: true });
  await mkdir(prefix, { recursive: true });
  await writeFile(path.join(prefix, 'package.json'), '{ "private": true }');
  const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts=false', '--loglevel=warn'];
  const args = ['install', spec, '--prefix', prefix, ...flags];
  const npm = process.env.npm_execpath ?? '';
  if (/npm-cli\.c?js$/.test(npm)) await runLogged(process.execPath, [npm, ...args], log, remedy, prefix);
  else await runLogged('npm', args, log, remedy, prefix);
}

/** Runs a program to its end, its output in the log; throws `StepFailed` with the end of the log and the remedy for it. */
async function runLogged(program, args, log, remedy, cwd = ROOT) {
  const file = await open(log, 'a');
  // CI: pnpm must never ask; a question in a log would wait for ever.
  const env = { ...toolEnv(), CI: 'true' };
  const code = await new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env, shell: WINDOWS, stdio: ['ignore', file.fd, file.fd] });
    child.once('error', (error) => file.appendFile(`${error.message}\n`).finally(() => resolve(1)));
    child.once('close', resolve);
  });
  await file.close();
  if (code === 0) return;
  const text = await readFile(log, 'utf8');
  const script = /npm-cli\.c?js$/.test(args[0] ?? '');
  const what = [script ? 'npm' : path.basename(program), ...args.slice(script ? 1 : 0).slice(0, 2)].join(' ');
  const advice = typeof remedy === 'string' ? remedy : remedy(text);
  throw new StepFailed(what, text.trimEnd().split('\n').slice(-12), advice);
}

/** The environment with our tools in front; pnpm and the scripts take the Node that they find on the PATH. */
function toolEnv() {
  return { ...process.env, PATH: [nodeFolder(), BIN, process.env.PATH].filter(Boolean).join(path.delimiter) };
}

/** Runs the command's program in our place: our terminal, our signals, its exit code. */
async function runToEnd(program, args, env) {
  const child = spawn(program, args, { cwd: ROOT, env, shell: WINDOWS, stdio: 'inherit' });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const forward = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, forward);
  const orphaned = setInterval(() => {
    if (NPM.length === 0 || (process.ppid === NPM[0] && NPM.every(isRunning))) return;
    clearInterval(orphaned);
    forward('SIGTERM');
  }, ORPHAN_CHECK_MS);
  const code = await new Promise((resolve) => {
    child.once('error', (error) => resolve((say(error.message), 127)));
    child.once('close', (exit, signal) => resolve(exit ?? 128 + (constants.signals[signal] ?? 0)));
  });
  clearInterval(orphaned);
  for (const signal of signals) process.off(signal, forward);
  return code;
}

/**
 * npm's shell and npm. `kill` on npm ends both or, by a signal that npm does not take, npm alone; neither hands the signal on, so
 * their end is all that we see of it. A shell that ran us in its own place leaves npm alone: what is above npm is not ours.
 */
function npmAbove() {
  const parent = process.ppid;
  if (WINDOWS) return [parent];
  const ps = (field, pid) => spawnSync('ps', ['-o', `${field}=`, '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
  try {
    const linux = process.platform === 'linux';
    const args = linux ? readFileSync(`/proc/${parent}/cmdline`, 'utf8').replaceAll('\0', ' ') : ps('args', parent);
    if (!/^\S*sh -c /.test(args)) return [parent];
    const above = linux
      ? readFileSync(`/proc/${parent}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1]
      : ps('ppid', parent);
    return Number(above) > 1 ? [parent, Number(above)] : [parent];
  } catch {
    return [parent]; // it has ended, and that is seen soon enough
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    say(`✗ ${error.message}`);
    process.exitCode = 1;
  },
);
