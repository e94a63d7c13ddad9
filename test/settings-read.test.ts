import path from 'node:path';
import { settingsOf } from '@quorum/shared/settings';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { SCHEMAS } from '../scripts/schemas.ts';
import { SERVICES, type ServiceName } from '../scripts/services.ts';
import { settingsRead } from './settings-read.ts';

const ROOT = path.join(import.meta.dirname, '..');

/** The settings of this schema that no module of the service reads. */
async function unread(service: ServiceName, schema: z.ZodObject): Promise<string[]> {
  const read = await settingsRead(path.join(ROOT, 'services', service, 'src/main.ts'), ROOT);
  return settingsOf(schema)
    .map(({ name }) => name)
    .filter((name) => !read.has(name));
}

describe.each(SERVICES)('%s', (service) => {
  test('reads every setting that it has', async () => {
    const remedy = 'nothing reads these as something.NAME: read them, or take them out of the schema';
    expect(await unread(service, SCHEMAS[service]), remedy).toEqual([]);
  });

  test('is found out where it has one that it does not read, though others do', async () => {
    const others = SERVICES.flatMap((other) => Object.keys(SCHEMAS[other].shape));
    const foreign = others.find((name) => !(name in SCHEMAS[service].shape));
    if (foreign === undefined) throw new Error(`${service} has every setting`);
    const more = z.object({ ...SCHEMAS[service].shape, NOBODY_READS_ME_S: z.string(), [foreign]: z.string() });
    expect(await unread(service, more)).toEqual(['NOBODY_READS_ME_S', foreign]);
  });
});

test('a setting that is only talked of counts as unread', async () => {
  const main = path.join(import.meta.dirname, 'fixtures/unread/main.ts');
  expect([...(await settingsRead(main, ROOT))].toSorted()).toEqual([
    'READ_HERE',
    'READ_IN_A_PART',
    'READ_IN_A_TEMPLATE',
  ]);
});
