import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

const bootstrap = fileURLToPath(new URL('bootstrap.mjs', import.meta.url));

const Scripts = z.object({ scripts: z.record(z.string(), z.string()) });

test.each([[[]], [['strat']], [['constructor']]])('an unknown command (%j) says which there are', (args) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bootstrap, ...args], { encoding: 'utf8' });
  expect(status).toBe(2);
  expect(stdout).toBe('');
  for (const name of ['start', 'test', 'check', 'format', 'sandbox', 'setup', 'bench'])
    expect(stderr).toContain(`npm run ${name}`);
});

test('every script of package.json goes through the bootstrap, to a command that it knows', () => {
  const { scripts } = Scripts.parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')));
  const { stderr } = spawnSync(process.execPath, [bootstrap], { encoding: 'utf8' });
  for (const [name, command] of Object.entries(scripts)) {
    expect(command).toMatch(/^node scripts\/bootstrap\.mjs \w/);
    expect(stderr).toContain(`npm run ${name}`);
  }
});

test.each([
  ['bench', true],
  ['test', true],
  ['start', false],
  ['backup', false],
])('npm run %s in a fresh clone with a REDIS_URL fetches a Redis of its own: %s', async (command, fetches) => {
  const clone = await mkdtemp(path.join(tmpdir(), 'quorum-clone-'));
  try {
    const files = ['bootstrap.mjs', 'commands.mjs', 'lock.mjs', 'redis.mjs'];
    for (const file of files) await cp(path.join(import.meta.dirname, file), path.join(clone, 'scripts', file));
    // Nothing is fetched from anywhere: this npm fails, and there is no apt on the PATH.
    const npm = path.join(clone, 'npm-cli.js');
    await writeFile(npm, 'process.exit(1)');
    const env = { PATH: '', npm_execpath: npm, REDIS_URL: 'redis://127.0.0.1:1' };
    const { status, stderr } = spawnSync(process.execPath, [path.join(clone, 'scripts/bootstrap.mjs'), command], {
      encoding: 'utf8',
      env,
    });
    expect(status).toBe(1);
    expect(stderr).toContain('… pnpm');
    expect(stderr.includes('… Redis')).toBe(fetches);
  } finally {
    await rm(clone, { recursive: true });
  }
});

describe('the command ends with npm', () => {
  const inShell = ['-c', '"$0" "$1" sandbox; :', process.execPath, bootstrap];
  const env = { ...process.env, npm_lifecycle_event: 'sandbox', SANDBOX_PORT: '0' };

  /** Kills the process once the command runs below it, and waits until the last one that holds its output has ended. */
  async function ends(top: ChildProcess, output: Readable, signal: NodeJS.Signals): Promise<void> {
    const lines = createInterface({ input: output });
    const [line] = await once(lines, 'line');
    expect(line).toContain('http://127.0.0.1:');
    const closed = once(lines, 'close');
    top.kill(signal);
    await closed;
  }

  test('whose shell is ended, and hands no signal on', async () => {
    const shell = spawn('sh', inShell, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    await ends(shell, shell.stdout, 'SIGTERM');
  });

  // npm takes no SIGHUP and nobody takes a SIGKILL: its shell lives on, and waits for the command.
  test.each(['SIGHUP', 'SIGKILL'] as const)('that dies of %s and leaves its shell behind', async (signal) => {
    const program = `require('node:child_process').spawn('sh', ${JSON.stringify(inShell)}, { stdio: 'inherit' })`;
    const npm = spawn(process.execPath, ['--eval', program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    await ends(npm, npm.stdout, signal);
  });
});
