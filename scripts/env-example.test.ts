/** `.env.example` is what an operator sees of the settings: all of them that are theirs, with true defaults, and nothing else. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSettingsText } from '@quorum/shared/config-layers';
import { expect, test } from 'vitest';
import { allSettings } from './schemas.ts';

const ROOT = path.join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

/** The settings that the example offers: lines such as `#PORT=3000`. */
const offered = new Map(
  read('.env.example')
    .split('\n')
    .filter((line) => /^#[A-Z][A-Z0-9_]*=/.test(line))
    .flatMap((line) => Object.entries(parseSettingsText(line.slice(1), '.env.example'))),
);

/** What compose takes where `.env` says nothing: `${PORT:-3000}`. */
const composed = new Map(
  [...read('docker-compose.yml').matchAll(/\$\{([A-Z_]+):-([^$}]*)\}/g)].map(([, name, value]) => [name, value]),
);

/** Settings whose true default is no text: why. The example shows one that could be set. */
const NO_DEFAULT: ReadonlyMap<string, string> = new Map([
  ['REDIS_URL', '`npm start` starts a Redis of its own'],
  ['SNAPSHOT_HUB_URL', 'the sandbox stands in'],
  ['SNAPSHOT_SEQUENCER_URL', 'the sandbox stands in'],
  ['OPENAI_BASE_URL', 'the sandbox stands in'],
  ['OPENAI_API_KEY', 'the sandbox needs none'],
  ['MODEL_PRICES', "those of the sandbox's models; for any other the operator knows them"],
]);

const operators = allSettings().filter(({ uses }) => !uses.every(({ setting }) => setting.managed));

test('it offers every setting of an operator, and nothing else', () => {
  expect([...offered.keys()].toSorted()).toEqual(operators.map(({ name }) => name).toSorted());
});

test('each line is given once', () => {
  const lines = read('.env.example').match(/^#[A-Z][A-Z0-9_]*=/gm) ?? [];
  expect(lines.length).toBe(offered.size);
});

test.each(operators.filter(({ name }) => !NO_DEFAULT.has(name)))(
  '$name is shown with its default',
  ({ name, uses }) => {
    const defaults = uses.flatMap(({ setting }) => (setting.default === null ? [] : [setting.default]));
    // What compose hands on only where it is set, `${NAME:-}`, has no default there.
    const truth = composed.get(name) || defaults[0];
    // One that has no default at all shows what could be set.
    if (truth === undefined) expect(uses.every(({ setting }) => !setting.needed)).toBe(true);
    else expect(offered.get(name)).toBe(truth);
    expect(new Set(defaults).size).toBeLessThanOrEqual(1);
  },
);

test('the copy that an operator makes of it sets nothing', () => {
  expect(parseSettingsText(read('.env.example'), '.env.example')).toEqual({});
});
