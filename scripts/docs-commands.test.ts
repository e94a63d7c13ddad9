/** What the docs tell people to type and to open is there: commands, their subcommands, settings, containers and files. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { allSettings } from './schemas.ts';

const ROOT = path.join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const PAGES = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: ROOT })];
const GO_LIVE = 'docs/operations/go-live.md';

const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json')));
const subcommands = [...read('scripts/keys.ts').matchAll(/^ {2}'?([a-z-]+)'?: \w+,$/gm)].map(([, name]) => name);
const containers = [...read('docker-compose.yml').matchAll(/^ {2}([a-z-]+):$/gm)].map(([, name]) => name);
const settings = allSettings().map(({ name }) => name);

/** What a pattern's one group finds on a page. */
function found(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].flatMap(([, name]) => name ?? []))];
}

describe.each(PAGES)('%s', (page) => {
  const text = read(page);

  test('names npm scripts that there are', () => {
    const named = found(text, /npm run (?:-s )?([a-z][a-z:-]*)/g);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  test('names subcommands of the keys that there are', () => {
    const named = found(text, /(?:npm run (?:-s )?keys --|scripts\/keys\.ts|signer-keys) ([a-z][a-z-]*)/g);
    expect(named.filter((name) => !subcommands.includes(name))).toEqual([]);
  });

  test('names containers that there are', () => {
    const named = found(
      text,
      /docker compose (?:--profile \w+ )?(?:run|exec|restart|logs)(?: --rm| -T)* ([a-z][a-z-]*)/g,
    );
    expect(named.filter((name) => !containers.includes(name))).toEqual([]);
  });

  test('links to files that there are', () => {
    const links = found(text, /\]\(([^)#:\s]+)(?:#[^)]*)?\)/g);
    expect(links.filter((link) => !existsSync(path.join(ROOT, path.dirname(page), link)))).toEqual([]);
  });
});

test('the way to go live sets settings that there are', () => {
  const named = found(read(GO_LIVE), /(?:^|`)([A-Z][A-Z0-9_]+)=/gm).filter((name) => name !== 'KEY');
  expect(named).toContain('MODEL_PRICES');
  expect(named.filter((name) => !settings.includes(name))).toEqual([]);
});

test('the way to go live is given the flags that the commands take', () => {
  const flags = found(read(GO_LIVE), /(?:keys --|signer-keys) [a-z]+ (.*)$/gm).flatMap((line) =>
    found(line, /--([a-z-]+)/g),
  );
  expect(new Set(flags)).toEqual(new Set(['owner', 'voter', 'space', 'signature']));
  const usages = ['scripts/keys-keystore.ts', 'scripts/keys-alias.ts'].map(
    (file) => /USAGE =\s*'([^']*)'/.exec(read(file))?.[1] ?? '',
  );
  for (const flag of new Set(flags)) expect(usages.join(' ')).toContain(`--${flag} `);
});
