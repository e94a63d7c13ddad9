/** The README's examples run, and it leaves out no world, key, command or persona. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call } from '../test/client.ts';
import { PERSONAS } from './model/personas.ts';
import { startSandbox, type Sandbox } from './start-sandbox.ts';
import { World } from './world.ts';
import { WORLD_NAMES } from './worlds/named.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The requests of all `http` blocks, in their order. */
const EXAMPLES = [...README.matchAll(/^```http\n(.*?)^```$/gmsu)]
  .flatMap(([, block]) => (block ?? '').split(/^###$/mu))
  .map((example) => {
    const [head = '', ...body] = example
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .join('\n')
      .trim()
      .split('\n\n');
    const [method = '', path = ''] = head.split(' ');
    return { method, path, body: body.join('\n\n') };
  });

describe('the examples', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox();
  });
  afterAll(() => sandbox.close());

  test('are found', () => {
    expect(EXAMPLES.length).toBeGreaterThan(12);
  });

  test.each(EXAMPLES)('$method $path $body', async ({ method, path, body }) => {
    const answer = await call(method, `${sandbox.url}${path}`, body === '' ? undefined : body);
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body).not.toHaveProperty('errors');
  });
});

test('every command of the control API is listed', async () => {
  const sandbox = await startSandbox();
  const { body } = await call('GET', `${sandbox.url}/_sandbox/help`);
  await sandbox.close();
  const known = /known: (.*)"/u.exec(JSON.stringify(body))?.[1]?.split(', ') ?? [];
  expect(known.length).toBeGreaterThan(6);
  for (const command of known) expect(README).toContain(`| \`${command.replace(' ', ' /_sandbox')}\``);
});

test.each(Object.keys(World.shape))('the key `%s` of a world is explained', (key) => {
  expect(README).toMatch(new RegExp(`^\\| .*\`${key}\`.*\\|`, 'mu'));
});

test.each([...WORLD_NAMES, ...Object.keys(PERSONAS)])('`%s` has its line', (name) => {
  expect(README).toContain(`| \`${name}\``);
});
