/** The sandbox as a process: it says where it is, serves, ends with its parent, and says what is wrong with its command line. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { ask } from '../test/client.ts';
import { startSandbox } from './start-sandbox.ts';

const Ready = z.object({ ready: z.literal(true), url: z.string() });

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { SANDBOX_HOST: _host, SANDBOX_PORT: _port, SANDBOX_WORLD: _world, ...others } = process.env;
  const child = fork(new URL('./main.ts', import.meta.url), [...args], {
    env: { ...others, ...env },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function urlOf(child: ReturnType<typeof run>): Promise<string> {
  return Ready.parse((await once(child, 'message'))[0]).url;
}

/** How a process that does not get to serve ends. */
async function failure(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = run(args, env);
  if (!child.stderr) throw new Error('no stderr');
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return { said, code: z.number().parse(code) };
}

test.each([
  ['SIGTERM', (child: ReturnType<typeof fork>) => child.kill('SIGTERM')],
  ['its parent hanging up', (child: ReturnType<typeof fork>) => child.disconnect()],
])('it ends on %s', async (_, end) => {
  const child = run([], { SANDBOX_PORT: '0', SANDBOX_WORLD: 'demo' });
  expect((await ask(await urlOf(child), '{ spaces { name } }'))['spaces']).toEqual([{ name: 'Harbor Collective' }]);
  const exited = once(child, 'exit');
  end(child);
  expect(await exited).toEqual([0, null]);
});

test('the command line goes before the environment', async () => {
  const child = run(['--port', '0', '--world', 'six-spaces'], { SANDBOX_PORT: '1', SANDBOX_WORLD: 'demo' });
  expect((await ask(await urlOf(child), '{ spaces { id } }'))['spaces']).toHaveLength(6);
});

test.each([
  [['--world', 'atlantis'], {}, /there is no world "atlantis"\. Known: demo, empty, six-spaces/],
  [[], { SANDBOX_WORLD: 'atlantis' }, /there is no world "atlantis"/],
  [['--port', 'http'], {}, /"http" is no port/],
  [['--prot', '4010'], {}, /--prot/],
] as const)('%j %j is an error that says what to do', async (args, env, words) => {
  const { said, code } = await failure(args, env);
  expect(code).toBe(2);
  expect(said).toMatch(words);
  expect(said).not.toContain('    at ');
});

test('a port that is taken is an error that says so', async () => {
  const other = await startSandbox();
  onTestFinished(() => other.close());
  const { port } = new URL(other.url);
  const { said, code } = await failure(['--port', port]);
  expect(code).toBe(2);
  expect(said).toContain(`port ${port} on 127.0.0.1 is taken`);
});
