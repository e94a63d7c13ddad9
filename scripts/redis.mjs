/**
 * Where the Redis binary comes from: the machine's own, or the distribution's package unpacked into `.data/redis` (never
 * installed, no root, nothing outside the folder touched). Plain JavaScript without a dependency, because the bootstrap
 * needs it before anything is installed. Starting a server is `redis-server.ts`.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const UNPACKED_REDIS = fileURLToPath(new URL('../.data/redis', import.meta.url));

const LOG_LINES = 12;

const HOW_TO_INSTALL = {
  darwin: 'Run  brew install redis',
  linux: 'Install the package redis-server, redis or valkey of your distribution (apt, dnf, apk, pacman)',
  win32: 'Use WSL, or run Redis in a container',
};

/** No Redis binary is on the PATH and none is unpacked. The message says why none could be, and what to install here. */
export class RedisMissing extends Error {
  constructor(log = '') {
    const lines = log.trim().split('\n').slice(-LOG_LINES);
    const remedy = HOW_TO_INSTALL[process.platform] ?? HOW_TO_INSTALL.linux;
    const why = log.trim() === '' ? [] : lines.map((line) => `  │ ${line}`);
    super(['Redis is missing.', ...why, `→ ${remedy}, or set REDIS_URL to a Redis that you run.`].join('\n'));
    this.name = 'RedisMissing';
  }
}

/** The binary and the variables it needs in its environment, or undefined if there is none. */
export function lookForRedis() {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
      const command = path.join(folder, process.platform === 'win32' ? `${name}.exe` : name);
      if (folder && isExecutable(command)) return { command, env: {} };
    }
  }
  const command = path.join(UNPACKED_REDIS, 'usr/bin/redis-server');
  if (isExecutable(command)) return { command, env: { LD_LIBRARY_PATH: libraryFolders(UNPACKED_REDIS) } };
  return undefined;
}

/** As `lookForRedis`, but throws `RedisMissing` if there is none. */
export function findRedis() {
  const found = lookForRedis();
  if (!found) throw new RedisMissing();
  return found;
}

/**
 * Unpacks the distribution's package into `.data/redis`. About 2 s and 1.4 MB on Debian; throws `RedisMissing` where there
 * is no apt or it cannot download.
 */
export async function unpackRedis() {
  await mkdir(path.dirname(UNPACKED_REDIS), { recursive: true });
  const work = await mkdtemp(`${UNPACKED_REDIS}-`);
  try {
    await mkdir(path.join(work, 'debs'));
    await download(work);
    const root = path.join(work, 'root');
    for (const file of await readdir(path.join(work, 'debs'))) {
      await run('dpkg', ['-x', path.join(work, 'debs', file), root]);
    }
    const env = { ...process.env, LD_LIBRARY_PATH: libraryFolders(root) };
    await run(path.join(root, 'usr/bin/redis-server'), ['--version'], { env });
    await rm(UNPACKED_REDIS, { recursive: true, force: true });
    await rename(root, UNPACKED_REDIS);
  } catch (error) {
    const noApt = error.code === 'ENOENT' && /^(apt|dpkg)/.test(error.path ?? '');
    throw new RedisMissing(
      noApt ? `This system has no ${error.path} to get it by: no apt.` : error.stderr || error.message,
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Downloads the packages with the system's lists or, where it has none (a slim image), with lists of our own. */
async function download(work) {
  const options = { cwd: path.join(work, 'debs'), timeout: 60_000 };
  try {
    await run('apt-get', ['download', ...(await packages([]))], options);
  } catch (error) {
    if (error.code === 'ENOENT') throw error;
    const own = { lists: path.join(work, 'lists'), cache: path.join(work, 'cache') };
    await mkdir(path.join(own.lists, 'partial'), { recursive: true });
    await mkdir(path.join(own.cache, 'archives/partial'), { recursive: true });
    const flags = ['-o', `Dir::State::lists=${own.lists}`, '-o', `Dir::Cache=${own.cache}`];
    await run('apt-get', [...flags, 'update'], options);
    await run('apt-get', [...flags, 'download', ...(await packages(flags))], options);
  }
}

/** redis-server is a link into redis-tools; the libraries that redis-tools wants differ from release to release. */
async function packages(flags) {
  const { stdout } = await run('apt-cache', [...flags, 'depends', '--important', 'redis-tools']);
  const libraries = [...stdout.matchAll(/Depends: (\S+)/g)].map((match) => match[1]);
  const needed = libraries.filter((name) => /^(lib|lua)/.test(name) && !/^libc6$/.test(name));
  return ['redis-server', 'redis-tools', ...new Set(needed)];
}

function libraryFolders(root) {
  const lib = path.join(root, 'usr/lib');
  const own = existsSync(lib) ? readdirSync(lib).filter((name) => name.includes('-linux-')) : [];
  return [...own.map((name) => path.join(lib, name)), lib].join(':');
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not for us: either way the next place is looked at
  }
}
