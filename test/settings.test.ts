/** Every setting of every service: from the environment, from the file, its default, invalid, and changed while it runs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fc, test as property } from '@fast-check/vitest';
import { parseConfig } from '@quorum/shared/config';
import { ValidationError } from '@quorum/shared/errors';
import { liveConfig } from '@quorum/shared/live-config';
import { settingsOf } from '@quorum/shared/settings';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { SCHEMAS } from '../scripts/schemas.ts';
import { SERVICES, type ServiceName } from '../scripts/services.ts';
import { LEAST, LINES, type Line } from './settings-table.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'quorum-settings-'));
afterAll(() => rmSync(dir, { recursive: true }));

const lines: ReadonlyMap<string, Line> = new Map(Object.entries(LINES));
let files = 0;

/** The service with these settings in its environment and those in its file. */
function open(service: ServiceName, env: Record<string, string>, inFile: Record<string, string>) {
  files += 1;
  const file = path.join(dir, `settings-${files}`);
  const write = (settings: Record<string, string>): void =>
    writeFileSync(
      file,
      Object.entries(settings)
        .map(([name, value]) => `${name}='${value}'\n`)
        .join(''),
    );
  write(inFile);
  const live = liveConfig<z.ZodObject>(service, SCHEMAS[service], { env, file });
  const valueOf = (name: string): unknown => new Map<string, unknown>(Object.entries({ ...live.now() })).get(name);
  return { live, write, valueOf, sourceOf: (name: string) => live.show()[name]?.source };
}

function refusal(act: () => unknown): ValidationError {
  try {
    act();
  } catch (error) {
    if (error instanceof ValidationError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

const each = SERVICES.flatMap((service) =>
  settingsOf(SCHEMAS[service]).map((setting) => {
    const line = lines.get(setting.name);
    if (line === undefined) throw new Error(`test/settings-table.ts has no line for ${setting.name}`);
    return { service, ...setting, ...line, expected: 'means' in line ? line.means : line.takes };
  }),
);

describe.each(each)(
  '$service: $name',
  ({ service, name, takes, refuses, expected, reload, needed, default: fallback }) => {
    const { [name]: least, ...others } = LEAST[service];

    test('from the environment, which wins over the file', () => {
      const { valueOf, sourceOf } = open(service, { ...others, [name]: takes }, { [name]: refuses ?? 'another' });
      expect(valueOf(name)).toEqual(expected);
      expect(sourceOf(name)).toBe('environment');
    });

    test('from the file', () => {
      const { valueOf, sourceOf } = open(service, others, { [name]: takes });
      expect(valueOf(name)).toEqual(expected);
      expect(sourceOf(name)).toBe('file');
    });

    test('left out, it has its default or is asked for', () => {
      if (needed || (service === 'gateway' && name === 'API_KEY_FILE')) {
        expect(refusal(() => open(service, others, {})).issues.map((issue) => issue.path)).toEqual([name]);
      } else {
        const { valueOf, sourceOf } = open(service, others, {});
        const written = open(service, { ...others, ...(fallback === null ? {} : { [name]: fallback }) }, {});
        expect(valueOf(name)).toEqual(written.valueOf(name));
        expect(valueOf(name)).not.toEqual(expected);
        expect(sourceOf(name)).toBe('default');
      }
    });

    test('wrong, it is named, and its value is not', () => {
      if (refuses === null) return;
      for (const act of [
        () => open(service, { ...others, [name]: refuses }, {}),
        () => open(service, others, { [name]: refuses }),
      ]) {
        const error = refusal(act);
        expect(error.issues.map((issue) => issue.path)).toContain(name);
        expect(error.message).toContain(name);
        expect(error.message).not.toContain(refuses);
        expect(error.message).not.toContain('zz');
      }
    });

    test('changed while it runs: taken, or it needs a restart; wrong, it stays', () => {
      const inFile: Record<string, string> = least === undefined ? {} : { [name]: least };
      const { live, write, valueOf } = open(service, others, inFile);
      const before = valueOf(name);
      write({ ...inFile, [name]: takes });
      const may = reload !== null;
      expect(live.reload()).toEqual({
        kind: 'valid',
        applied: may ? [name] : [],
        needRestart: may ? [] : [name],
        overruled: [],
      });
      expect(valueOf(name)).toEqual(may ? expected : before);
      if (refuses === null) return;
      write({ ...inFile, [name]: refuses });
      expect(live.reload()).toMatchObject({ kind: 'invalid', error: { issues: [{ path: name }] } });
      expect(valueOf(name)).toEqual(may ? expected : before);
    });
  },
);

test('the six settings of the seed have its names and defaults', () => {
  const defaults = new Map(each.map(({ name, default: value }) => [name, value]));
  expect(Object.fromEntries(SEED.map((name) => [name, defaults.get(name)]))).toEqual({
    MAX_PROPOSALS_PER_RUN: '3',
    DEFAULT_CONFIDENCE_THRESHOLD: '0.7',
    PROPOSAL_FETCH_TIMEOUT: '30',
    VOTE_EXECUTION_TIMEOUT: '60',
    MAX_RETRY_ATTEMPTS: '3',
    RETRY_DELAY_SECONDS: '5',
  });
});
const SEED = [
  'MAX_PROPOSALS_PER_RUN',
  'DEFAULT_CONFIDENCE_THRESHOLD',
  'PROPOSAL_FETCH_TIMEOUT',
  'VOTE_EXECUTION_TIMEOUT',
  'MAX_RETRY_ATTEMPTS',
  'RETRY_DELAY_SECONDS',
];

test('every setting says what it is', () => {
  expect(each.filter(({ description }) => description === '').map(({ name }) => name)).toEqual([]);
});

const MARK = 'zzq9';
/** Text of any kind with a mark in it, so that it is known again wherever it is quoted. */
const anyText = fc.oneof(
  fc.string().map((text) => `${text}${MARK}`),
  fc.string({ unit: 'binary' }).map((text) => `${MARK}${text}`),
  fc.webUrl().map((text) => `${text}#${MARK}`),
  fc.json().map((json) => JSON.stringify({ [MARK]: z.json().parse(JSON.parse(json)) })),
  fc.dictionary(fc.string(), fc.double(), { minKeys: 1 }).map((prices) => JSON.stringify({ [`${MARK}x`]: prices })),
  fc.double().map(String),
  fc.integer().map(String),
  fc.constantFrom('', ' ', '0', '1', 'true', 'NaN', 'Infinity', '1e999', '-0', '{}', '[]'),
);

describe.each(SERVICES)('%s', (service) => {
  const schema: z.ZodObject = SCHEMAS[service];
  const names = Object.keys(schema.shape);
  const anyEnvironment = fc
    .tuple(fc.dictionary(fc.constantFrom(...names), anyText), fc.boolean())
    .map(([some, startable]) => ({ ...(startable ? LEAST[service] : {}), ...some }));

  property.prop([anyEnvironment])(
    'any environment is a configuration, or an error that names settings alone',
    (env) => {
      try {
        expect(Object.keys(parseConfig(schema, env)).filter((name) => !names.includes(name))).toEqual([]);
      } catch (error) {
        if (!(error instanceof ValidationError)) throw error;
        expect(error.issues.length).toBeGreaterThan(0);
        for (const issue of error.issues) expect(names).toContain(issue.path);
        expect(`${error.message}${JSON.stringify(error.issues)}`).not.toContain(MARK);
      }
    },
  );
});
