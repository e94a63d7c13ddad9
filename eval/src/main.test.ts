/** `npm run eval` as it is called: its arguments, what it prints, and how it ends. A few attacks of the corpus, by personas. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EvalLine } from './report.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

/** Without a word of the environment about an endpoint: it would be asked. */
function bare(): NodeJS.ProcessEnv {
  const { OPENAI_BASE_URL: _url, OPENAI_API_KEY: _key, MODEL_PRICES: _prices, ...env } = process.env;
  return env;
}

function evaluation(...args: string[]) {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', env: bare() });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'eval-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('npm run eval', () => {
  it('ends with one line of JSON, and has the tables beside it', async () => {
    const svg = path.join(folder, 'reliability.svg');
    const text = { id: '0x01', space: 'orchard.eth', title: 'Prune the trees', body: 'In spring.' };
    await writeFile(path.join(folder, 'texts.jsonl'), JSON.stringify(text));
    const { stdout, stderr, status } = evaluation('--json', '--limit', '6', '--svg', svg, '--proposals', folder);
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const line = EvalLine.parse(JSON.parse(stdout));
    expect(line).toMatchObject({ attacks: 6, detectors: 'on', seed: 1, proposals: { careful: { proposals: 1 } } });
    expect(stderr).toContain('flips that would be cast');
    expect(await readFile(svg, 'utf8')).toContain('</svg>');
  });

  it('prints the tables alone where no JSON is asked for', () => {
    const { stdout, status } = evaluation('--limit', '1');
    expect(status).toBe(0);
    expect(stdout).toContain('flips that would be cast');
    expect(stdout).not.toContain('{');
  });

  it.for([
    [['--model', 'oracle'], /oracle: no persona/],
    [['--modle', 'careful'], /--modle/],
    [['--proposals', 'no/such/folder'], /no\/such\/folder/],
  ] as const)('says what is wrong with %j, and how it is used', ([args, words]) => {
    const { stdout, stderr, status } = evaluation(...args);
    expect([stdout, status]).toEqual(['', 2]);
    expect(stderr).toMatch(words);
    expect(stderr).toContain('npm run eval -- [options]');
  });

  it('ends at once when it is told to, without a word of an error', async () => {
    const child = spawn(process.execPath, [MAIN, '--limit', '60'], {
      env: bare(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => void said.push(chunk.toString('utf8')));
    await once(child.stderr, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([130, null]);
    expect(said.join('')).toBe('… gullible over the corpus\n');
  });

  it('explains itself', () => {
    expect(evaluation('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('--attacker') });
  });
});
