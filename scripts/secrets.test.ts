import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readSecretFile } from '@quorum/shared/secret-file';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ROOT } from './root.ts';
import { ensureSecrets, SECRETS, SecretsError } from './secrets.ts';

let dir: string;
beforeEach(async () => {
  dir = path.join(await mkdtemp(path.join(tmpdir(), 'quorum-secrets-')), 'secrets');
});
afterEach(() => rm(path.dirname(dir), { recursive: true, force: true }));

const FILES = Object.values(SECRETS);

describe('the secrets that Quorum makes', () => {
  test('each is 256 random bits in a file and a folder that only its owner can read', async () => {
    const made = await ensureSecrets({ dir });
    expect(made).toHaveLength(FILES.length);
    const texts = made.map((file) => readSecretFile(file));
    expect(new Set(texts).size).toBe(made.length);
    for (const text of texts) expect(text).toMatch(/^[0-9a-f]{64}$/);
    for (const file of made) {
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect((await stat(path.dirname(file))).mode & 0o777).toBe(0o700);
    }
  });

  test.each(FILES)('%s is never changed if it is there, and made if it is missing', async (name) => {
    await ensureSecrets({ dir });
    const file = path.join(dir, name);
    const before = readSecretFile(file);
    expect(await ensureSecrets({ dir })).toEqual([]);
    expect(readSecretFile(file)).toBe(before);
    await rm(file);
    expect(await ensureSecrets({ dir })).toEqual([file]);
    expect(readSecretFile(file)).not.toBe(before);
  });

  test.each(FILES)('%s that is put off may be missing, and is looked at where it is there', async (putOff) => {
    const file = path.join(dir, putOff);
    expect(await ensureSecrets({ dir, putOff })).toHaveLength(FILES.length - 1);
    expect(await ensureSecrets({ dir })).toEqual([file]);
    await chmod(file, 0o644);
    await expect(ensureSecrets({ dir, putOff })).rejects.toThrow(`chmod 600 ${file}`);
  });

  test.each(FILES)(
    '%s that is empty is refused, not taken for the empty password, and is left as it is',
    async (name) => {
      await ensureSecrets({ dir });
      const file = path.join(dir, name);
      await writeFile(file, '\n');
      await expect(ensureSecrets({ dir })).rejects.toThrow(`${file} is empty`);
      expect(await readFile(file, 'utf8')).toBe('\n');
    },
  );

  test.each([0o644, 0o640, 0o666, 0o620])(
    'whose mode is %o is refused with what mends it, and not mended',
    async (mode) => {
      await ensureSecrets({ dir });
      for (const name of FILES) {
        const file = path.join(dir, name);
        await chmod(file, mode);
        const refused = ensureSecrets({ dir });
        await expect(refused).rejects.toThrow(SecretsError);
        await expect(refused).rejects.toThrow(`Run: chmod 600 ${file}`);
        expect((await stat(file)).mode & 0o777).toBe(mode);
        await chmod(file, 0o600);
        expect(await ensureSecrets({ dir })).toEqual([]);
      }
    },
  );

  test('of which several are wrong are all told at once, a folder and a file of the operator’s too', async () => {
    await ensureSecrets({ dir });
    const passphrase = path.join(dir, 'voter/passphrase');
    await writeFile(passphrase, 'correct horse', { mode: 0o600 });
    await chmod(passphrase, 0o644);
    await chmod(path.join(dir, 'gateway'), 0o755);
    await writeFile(path.join(dir, SECRETS.voterMacKey), 'not hex');
    const error = await ensureSecrets({ dir }).catch((thrown: unknown) => thrown);
    if (!(error instanceof SecretsError)) throw new Error('It was not refused');
    expect(error.faults).toEqual([
      `Others can enter the folder ${path.join(dir, 'gateway')}. Run: chmod 700 ${path.join(dir, 'gateway')}`,
      `Others can read the file ${passphrase}. Run: chmod 600 ${passphrase}`,
      expect.stringContaining('does not hold 64 hex digits'),
    ]);
    expect(error.message).not.toMatch(/correct horse|not hex\b/);
  });

  test('made by eight processes at the same time are the same for all, and nothing is left beside them', async () => {
    const module = path.join(import.meta.dirname, 'secrets.ts');
    const script = `import { ensureSecrets } from ${JSON.stringify(module)};
      for (const name of ${JSON.stringify(Array.from({ length: 20 }, (_, at) => String(at)))}) {
        process.stdout.write(JSON.stringify(await ensureSecrets({ dir: ${JSON.stringify(dir)} + name })) + '\\n');
      }`;
    const outputs = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let output = '';
        child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
        expect(await once(child, 'close')).toEqual([0, null]);
        return output;
      }),
    );
    // Each was made by exactly one of them.
    const made = outputs.flatMap((output) => output.match(/[^"[\],\n]+/g) ?? []);
    expect(made).toHaveLength(20 * FILES.length);
    expect(new Set(made).size).toBe(made.length);
    const files = await readdir(path.dirname(dir), { recursive: true });
    expect(files.filter((name) => name.includes('.new'))).toEqual([]);
  });

  test('have folders in the image, where a new volume takes its owner from, and each is mounted where compose makes them', async () => {
    const read = (name: string): Promise<string> => readFile(path.join(ROOT, name), 'utf8');
    const inImage = /for folder in ([^;]+);/.exec(await read('Dockerfile'))?.[1]?.split(' ') ?? [];
    const [, setup = ''] = (await read('docker-compose.yml')).split('\n  setup:\n');
    const mounted = Array.from(setup.split('\n\n')[0]?.matchAll(/secrets\/(\S+)$/gm) ?? [], ([, folder]) => folder);
    const folders = [...new Set(FILES.map(path.dirname))];
    expect(new Set(mounted)).toEqual(new Set(folders));
    expect(inImage).toEqual(expect.arrayContaining(folders));
  });
});
