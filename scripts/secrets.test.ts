import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureSecrets, readSecret, SECRETS } from './secrets.ts';

let dir: string;
beforeEach(async () => {
  dir = path.join(await mkdtemp(path.join(tmpdir(), 'quorum-secrets-')), 'secrets');
});
afterEach(() => rm(path.dirname(dir), { recursive: true, force: true }));

describe('the secrets that Quorum makes', () => {
  test('each is 256 random bits in a file and a folder that only its owner can read', async () => {
    const made = await ensureSecrets({ dir });
    expect(made).toHaveLength(Object.keys(SECRETS).length);
    const texts = await Promise.all(made.map(readSecret));
    expect(new Set(texts).size).toBe(made.length);
    for (const text of texts) expect(text).toMatch(/^[0-9a-f]{64}$/);
    for (const file of made) {
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect((await stat(path.dirname(file))).mode & 0o777).toBe(0o700);
    }
  });

  test('one that is there is never changed, and one that is missing is made', async () => {
    await ensureSecrets({ dir });
    const macKey = path.join(dir, SECRETS.voterMacKey);
    const api = path.join(dir, SECRETS.apiKey);
    const before = await readSecret(macKey);
    await rm(api);
    expect(await ensureSecrets({ dir })).toEqual([api]);
    expect(await readSecret(macKey)).toBe(before);
  });

  test('an empty one is refused, not taken for the empty password', async () => {
    await ensureSecrets({ dir });
    const password = path.join(dir, SECRETS.redisPassword);
    await writeFile(password, '\n');
    await expect(readSecret(password)).rejects.toThrow(/empty.*\n→ Remove it/);
  });

  test('two starts at the same time end up with the same secrets, and leave nothing beside them', async () => {
    const made = await Promise.all([ensureSecrets({ dir }), ensureSecrets({ dir }), ensureSecrets({ dir })]);
    expect(made.flat().toSorted()).toEqual(
      Object.values(SECRETS)
        .map((name) => path.join(dir, name))
        .toSorted(),
    );
    const files = await readdir(dir, { recursive: true });
    expect(files.filter((name) => name.includes('.new'))).toEqual([]);
  });
});
