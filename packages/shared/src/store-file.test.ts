import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anOwner } from '../test/samples.ts';
import { preferencesVersion, UserPreferences } from './preferences.ts';
import { filePreferenceStore, PREFERENCES_FILE, type StoredPreferences } from './store-file.ts';

const defaults = { confidence_threshold: 0.65, max_proposals_per_run: 4 };
let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quorum-owners-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** What the store says of an owner whose file holds this text. */
async function stored(text: string): Promise<{ found: StoredPreferences; path: string }> {
  const owner = anOwner();
  const path = join(dir, owner, PREFERENCES_FILE);
  await mkdir(join(dir, owner));
  await writeFile(path, text);
  return { found: await filePreferenceStore(dir, defaults).load(owner), path };
}

describe('the preference store', () => {
  it("reads an owner's file; what it does not say is as the operator set it", async () => {
    const { found } = await stored('{"voting_strategy": "aggressive", "confidence_threshold": 0.9}\n');
    const preferences = UserPreferences.parse({
      voting_strategy: 'aggressive',
      confidence_threshold: 0.9,
      max_proposals_per_run: 4,
    });
    expect(found).toEqual({ kind: 'stored', preferences, version: preferencesVersion(preferences) });
  });

  it('gives equal files equal versions', async () => {
    const [one, other] = await Promise.all([
      stored('{"confidence_threshold":0.9,"approval":"always"}'),
      stored('{\n "approval": "always",\n "confidence_threshold": 0.90\n}'),
    ]);
    expect(one.found).toEqual(other.found);
  });

  it("says that a file is missing, and gives the operator's defaults", async () => {
    const preferences = UserPreferences.parse(defaults);
    for (const folder of [dir, join(dir, 'nowhere')]) {
      expect(await filePreferenceStore(folder, defaults).load(anOwner())).toEqual({
        kind: 'missing',
        preferences,
        version: preferencesVersion(preferences),
      });
    }
  });

  it('says that a file cannot be read', async () => {
    const owner = anOwner();
    const path = join(dir, owner, PREFERENCES_FILE);
    await mkdir(path, { recursive: true });
    expect(await filePreferenceStore(dir, defaults).load(owner)).toEqual({
      kind: 'unusable',
      why: expect.stringContaining(`${path} cannot be read`),
    });
  });

  it.for([
    ['no JSON', '{"approval": "always"', 'is not JSON'],
    ['nothing', '', 'is not JSON'],
    ['a list', '[]', 'does not hold a JSON object'],
    ['null', 'null', 'does not hold a JSON object'],
    ['a text', '"always"', 'does not hold a JSON object'],
    ['a threshold out of range', '{"confidence_threshold": 70}', 'confidence_threshold'],
    ['a null threshold', '{"confidence_threshold": null}', 'confidence_threshold'],
    ['too many proposals', '{"max_proposals_per_run": 11}', 'max_proposals_per_run'],
    ['a misspelt field', '{"confidence_treshold": 0.9}', 'confidence_treshold'],
    ['a bad address', '{"blacklisted_proposers": ["0x12"]}', 'blacklisted_proposers[0]'],
    ['a bad override', '{"space_overrides": {"harbour.eth": {"approval": "often"}}}', 'approval'],
    ['a bad space', '{"space_overrides": {"Harbour": {}}}', 'Harbour'],
  ] as const)('says what is wrong with a file that holds %s, naming path and field', async ([, text, words]) => {
    const { found, path } = await stored(text);
    if (found.kind !== 'unusable') throw new Error(`it was taken: ${found.kind}`);
    expect(found.why).toContain(path);
    expect(found.why).toContain(words);
  });
});
