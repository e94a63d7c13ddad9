/** That each rule of the scan would notice what it is for. What it finds is made here, at run time: none stands in this file. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findSecrets, RULES, scanRepository } from './secret-scan.ts';

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
const word = (length: number): string => hex(length).slice(0, length);

const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  'private key (PEM)': [['-----BEGIN EC', 'PRIVATE KEY-----'].join(' '), ['-----BEGIN', 'PRIVATE KEY-----'].join(' ')],
  'API key of Quorum': [`qk_${hex(8)}_${hex(32)}`],
  'key of 32 bytes': [
    `PRIVATE_KEY=0x${hex(32)}`,
    `"secret": "${hex(32)}"`,
    `const macKey = '${hex(32)}'`,
    `password: ${hex(32)}`,
  ],
  keystore: [`{"crypto":{"ciphertext":"${hex(32)}"}}`],
  'key of a model provider': [`sk-${word(40)}`, `sk-ant-${word(40)}`, `sk-proj-${word(40)}`],
  'token of GitHub': [`ghp_${word(36)}`, `github_pat_${word(70)}`],
  'token of npm': [`npm_${word(36)}`, ['//registry.example/:_auth', word(10)].join('Token=')],
  'key of AWS': [`AKIA${word(16).toUpperCase()}`],
  'token of Slack': [`xoxb-${word(30)}`, ['https://hooks.slack.com', 'services', 'T0AB', 'B0CD', word(20)].join('/')],
  'signed token (JWT)': [`eyJ${word(20)}.eyJ${word(20)}.${word(30)}`],
};

test('each rule has a sample', () => {
  expect(Object.keys(SAMPLES)).toEqual(RULES.map(({ name }) => name));
});

describe.each(Object.entries(SAMPLES))('%s', (name, samples) => {
  test.for(samples)('is found wherever it stands, and is not shown', (sample) => {
    const [found, ...more] = findSecrets('a.ts', `first\n  x ${sample} y\nlast`);
    expect([found?.startsWith(`a.ts:2: ${name}: `), more]).toEqual([true, []]);
    expect(found).not.toContain(sample);
  });
});

test.for([
  `the vote 0x${hex(32)}`,
  `"evidence": "${hex(32)}"`,
  'OPENAI_API_KEY=sk-…',
  'password: the one of the file',
  ':_authToken=$NPM_TOKEN',
])('%s is no secret', (text) => {
  expect(findSecrets('a.ts', text)).toEqual([]);
});

describe('a repository', () => {
  let root: string;
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', root, '-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args]);
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'quorum-scan-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  test('is scanned as it stands and as it was committed last, what is not tracked left alone', async () => {
    git('init', '-q');
    await writeFile(path.join(root, 'a.ts'), `sk-${word(40)}\n`);
    await writeFile(path.join(root, 'wallet.key'), 'x');
    git('add', '.');
    git('commit', '-qm', `AKIA${word(16).toUpperCase()}`);
    await writeFile(path.join(root, 'a.ts'), 'gone\n');
    await writeFile(path.join(root, 'untracked.ts'), `sk-${word(40)}\n`);
    expect(await scanRepository(root)).toEqual({
      kind: 'scanned',
      files: 2,
      findings: [
        expect.stringContaining('wallet.key: a file of this name'),
        expect.stringContaining('HEAD:a.ts:1: key of a model provider'),
        expect.stringContaining('the message of HEAD:1: key of AWS'),
      ],
    });
  });

  test('that is none is skipped, and so is an empty one', async () => {
    expect(await scanRepository(root)).toMatchObject({
      kind: 'skipped',
      why: expect.stringContaining('no git checkout'),
    });
    git('init', '-q');
    expect(await scanRepository(root)).toMatchObject({ kind: 'skipped' });
  });
});
