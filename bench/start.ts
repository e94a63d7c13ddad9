/**
 * `npm start` on a bare machine: a fresh clone of what is committed, an empty home folder and environment, so that Node (where the
 * machine's is too old), pnpm, Redis and every package come from npm's registry; and again, with all of it there. Timed until the
 * first run is over and it serves. What the registry takes is in the first: it is what a newcomer waits.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtempDisposable } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../scripts/root.ts';
import { result, type Benchmark } from './benchmark.ts';
import { quantile } from './measure.ts';

const MOST_BARE_S = 90;
const MOST_AGAIN_S = 8;
const TIMES_AGAIN = 5;
/** What is not there by then never will be. */
const GIVE_UP_MS = 5 * 60 * 1_000;
/** The last line that it says of its own accord. */
const SERVES = 'Ctrl-C ends everything.';
/** How a machine reaches the network is the machine's, however bare. */
const NETWORK = /^(https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_(file|dir))$/i;

export const start: Benchmark = {
  name: 'start',
  does: '`npm start` on a bare machine, and again',
  async run() {
    await using dir = await mkdtempDisposable(path.join(tmpdir(), 'quorum-bare-'));
    const [tree, home] = [path.join(dir.path, 'quorum'), path.join(dir.path, 'home')];
    await mkdir(home);
    const cloned = spawnSync('git', ['clone', '--quiet', ROOT, tree], { encoding: 'utf8' });
    if (cloned.status !== 0) throw new Error(`git clone: ${cloned.stderr}`);
    const env = bareEnv(home);
    const bare = await secondsToStart(tree, env);
    const again: number[] = [];
    for (let time = 0; time < TIMES_AGAIN; time += 1) again.push(await secondsToStart(tree, env));
    return [
      result({
        name: 'start-bare',
        value: bare,
        spread: 0,
        unit: 's',
        budget: MOST_BARE_S,
        bound: 'most',
        note: 'once, the download of every package in it; the first run is over',
      }),
      result({
        name: 'start-again',
        value: quantile(again, 0.5),
        spread: (quantile(again, 0.75) - quantile(again, 0.25)) / 2,
        unit: 's',
        budget: MOST_AGAIN_S,
        bound: 'most',
        note: `median of ${TIMES_AGAIN}; the first run is over`,
      }),
    ];
  },
};

/** Nothing but a home folder, the machine's own programs and its way to the network. */
function bareEnv(home: string): NodeJS.ProcessEnv {
  const isOurs = (folder: string): boolean =>
    folder === '' || folder.startsWith(ROOT) || folder.includes('node_modules');
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter((folder) => !isOurs(folder));
  const network = Object.entries(process.env).filter(([name]) => NETWORK.test(name));
  const npmrc = path.join(homedir(), '.npmrc');
  return {
    HOME: home,
    PATH: folders.join(path.delimiter),
    ...Object.fromEntries(network),
    ...(existsSync(npmrc) ? { npm_config_userconfig: npmrc } : {}),
  };
}

/** Starts it, waits until it serves, and ends it as Ctrl-C in a terminal would. */
async function secondsToStart(cwd: string, env: NodeJS.ProcessEnv): Promise<number> {
  const began = performance.now();
  const child = spawn('npm', ['start'], { cwd, env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = once(child, 'close');
  const end = (signal: NodeJS.Signals): void => void (child.pid !== undefined && process.kill(-child.pid, signal));
  const late = setTimeout(() => end('SIGKILL'), GIVE_UP_MS);
  const said: string[] = [];
  let seconds = Number.NaN;
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    if (!line.includes(SERVES)) continue;
    seconds = (performance.now() - began) / 1_000;
    end('SIGINT');
  }
  await closed;
  clearTimeout(late);
  if (Number.isNaN(seconds)) throw new Error(`npm start did not come to serve:\n${said.slice(-8).join('\n')}`);
  return seconds;
}
