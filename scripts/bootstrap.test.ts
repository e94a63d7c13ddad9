import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
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

test('killed npm takes the command with it, although its shell hands no signal on', async () => {
  const shell = spawn('sh', ['-c', '"$0" "$1" sandbox; :', process.execPath, bootstrap], {
    env: { ...process.env, npm_lifecycle_event: 'sandbox', SANDBOX_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = createInterface({ input: shell.stdout });
  const [line] = await once(output, 'line');
  expect(line).toContain('http://127.0.0.1:');
  const closed = once(output, 'close'); // once the last process that holds the pipe has ended
  shell.kill('SIGTERM');
  await closed;
});
