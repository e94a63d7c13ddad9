import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { useRedis } from '../test/world.ts';
import { QuorumError } from './errors.ts';
import { serializeError } from './log.ts';

const Line = z.record(z.string(), z.unknown());

/** What a process that runs these statements with a logger `log` writes. Its output is a pipe. */
async function written(statements: string, level = 'info', options = '{}'): Promise<string> {
  const program = `import { createLogger } from './src/log.ts';
    const log = createLogger('voter', '${level}', ${options});
    ${statements}`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    cwd: dirname(import.meta.dirname),
  });
  return stdout;
}

/** The same line by line, each of which is JSON. */
async function logged(statements: string, level = 'info'): Promise<Record<string, unknown>[]> {
  return (await written(statements, level))
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Line.parse(JSON.parse(line)));
}

describe('a log line', () => {
  it('is JSON with the service, a level in words, a time and its fields', async () => {
    const [line, ...more] = await logged(
      `log.debug('too low'); log.child({ run_id: 'r' }).info({ n: 1 }, 'run started');`,
    );
    expect(more).toEqual([]);
    expect(line).toMatchObject({ level: 'info', service: 'voter', run_id: 'r', n: 1, msg: 'run started' });
    expect(String(line?.['time'])).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it('shows no secret, at the top or one level down', async () => {
    const secrets = { password: 'hunter2', private_key: 'hunter2', passphrase: 'hunter2', api_key: 'hunter2' };
    const fields = JSON.stringify({
      ...secrets,
      authorization: 'hunter2',
      config: { ...secrets, authorization: 'hunter2', kept: 'yes' },
      req: { headers: { authorization: 'hunter2', cookie: 'hunter2', host: 'kept' } },
    });
    const lines = await logged(`log.info(${fields}, 'configured');`);
    expect(lines[0]).toMatchObject({ config: { kept: 'yes' }, req: { headers: { host: 'kept' } } });
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    expect(JSON.stringify(lines).match(/\[redacted\]/g)).toHaveLength(12);
  });

  it('shows no secret under the name of its setting or header', async () => {
    const settings = { OPENAI_API_KEY: 'hunter2', SNAPSHOT_API_KEY: 'hunter2', REDIS_URL: 'redis://:hunter2@host' };
    const headers = { 'x-api-key': 'hunter2', authorization: 'hunter2', cookie: 'hunter2', 'set-cookie': ['hunter2'] };
    const fields = JSON.stringify({ ...settings, config: settings, headers, request: { headers } });
    const lines = await logged(`log.info(${fields}, 'asked');`);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    expect(JSON.stringify(lines).match(/\[redacted\]/g)).toHaveLength(14);
  });

  it('shows no value of a secret setting, wherever it stands and however it is spelt', async () => {
    const secret = `a "quoted" ${randomBytes(12).toString('base64')}`;
    const text = await written(
      `const secret = ${JSON.stringify(secret)};
      log.info({ why: 'refused: ' + secret, deep: { er: { still: [secret] } } }, 'asked');
      log.error({ err: new Error('401 for ' + secret) }, 'not answered');`,
      'info',
      JSON.stringify({ secrets: [secret] }),
    );
    expect(text.match(/\[redacted\]/g)?.length).toBeGreaterThanOrEqual(4);
    expect(text).not.toContain(secret.slice(-16));
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => Line.parse(JSON.parse(line))['msg']),
    ).toEqual(['asked', 'not answered']);
  });

  it('shows no key that an error names, in its message or its stack', async () => {
    const key = `0x${randomBytes(32).toString('hex')}`;
    const text = await written(
      `log.error({ err: new Error('invalid private key ' + ${JSON.stringify(key)}) }, 'one');`,
    );
    expect(text).not.toContain(key.slice(2, 20));
    expect(text).toContain('invalid private key [redacted]');
  });

  it('holds no control character from outside, decoded or not, and keeps the lines of a stack', async () => {
    const text = await written(
      String.raw`log.warn({ title: 'a\u001b[2Jb\u202ec\u0007\u009bd\r\be\u2028f', err: new Error('x\u001b]0;y') }, 'odd');`,
    );
    const line = Line.parse(JSON.parse(text));
    expect(line['title']).toBe('a [2Jb c  d  e f');
    expect(JSON.stringify(line['err'])).toContain(String.raw`\n    at`);
    expect(JSON.stringify(line)).not.toMatch(/[\u007f-\u009f\u202e\u2028]|\\u00|\\[rbf]/);
  });

  it('is for people where somebody reads along in a terminal, with as little in it that should not be', async () => {
    const text = await written(
      String.raw`log.info({ n: 1, password: 'hunter2' }, 'one'); log.error({ title: '\u001b[2Jx' }, 'two');`,
      'info',
      '{ terminal: true }',
    );
    const lines = stripVTControlCharacters(text).trim().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} INFO  one n=1 password=\[redacted\]$/),
      expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} ERROR two title= \[2Jx$/),
    ]);
  });

  it('is written or not by the level as it is now', async () => {
    const lines = await logged(`log.info('one'); log.level = 'warn'; log.info('two'); log.warn('three');
      log.level = 'debug'; log.debug('four'); log.child({ a: 1 }).debug('five');`);
    expect(lines.map(({ msg }) => msg)).toEqual(['one', 'three', 'four', 'five']);
  });

  it('of an error tells its message, category and causes, under any of the names that are used', async () => {
    const lines = await logged(`
      const error = Object.assign(new Error('outer', { cause: new Error('inner') }), { category: 'signing', code: 'E1' });
      error.command = { args: ['hunter2'] };
      log.error({ err: error }, 'one'); log.error({ error }, 'two'); log.error(error);`);
    for (const line of lines) {
      expect(line['err'] ?? line['error']).toMatchObject({
        // pino puts the messages of the causes behind the error's own.
        message: 'outer: inner',
        category: 'signing',
        code: 'E1',
        cause: { message: 'inner' },
      });
    }
    expect(lines).toHaveLength(3);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });
});

describe('an error of Redis', () => {
  const { redis } = useRedis();

  it('is logged without the arguments of its command, and without its script', async () => {
    await redis().set('{quorum}:text', 'x');
    const errors: unknown[] = [];
    await redis()
      .hset('{quorum}:text', 'field', 'hunter2')
      .catch((error: unknown) => errors.push(error));
    await redis()
      .eval('return redis.call("NOPE") -- hunter2', 0)
      .catch((error: unknown) => errors.push(error));
    // The thing itself does carry them: without this the test could not fail.
    expect(JSON.stringify(errors)).toContain('hunter2');
    const wrapped = new QuorumError('internal', 'not stored', { cause: errors[0] });
    const said = JSON.stringify([...errors, wrapped].map((error) => serializeError(error)));
    expect(said).toContain('WRONGTYPE');
    expect(said).not.toContain('hunter2');
  });
});

describe('what is not as it should be', () => {
  it('can be logged too', () => {
    expect(serializeError('a text')).toBe('a text');
    expect(serializeError(undefined)).toBeUndefined();
    const circle = new Error('round');
    circle.cause = circle;
    expect(JSON.stringify(serializeError(circle))).toContain('round');
  });
});
