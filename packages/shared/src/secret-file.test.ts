import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isOurs, readKeyFile, readSecretFile, readTrustedFile } from './secret-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'quorum-secret-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** A file of its own with this text, readable as the mode says. */
function secretFile(text: string, mode = 0o600): string {
  const path = join(dir, randomBytes(6).toString('hex'));
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('a secret file', () => {
  it.for([0o600, 0o400])('that only its owner can read is read, without its line break (%o)', (mode) => {
    expect(readSecretFile(secretFile('s3cret word\n', mode))).toBe('s3cret word');
  });

  it.for([0o644, 0o640, 0o604, 0o620, 0o660])('that others may open is refused, with the remedy (%o)', (mode) => {
    const path = secretFile('s3cret', mode);
    expect(() => readSecretFile(path)).toThrow(
      expect.objectContaining({ category: 'signing', message: expect.stringContaining(`chmod 600 ${path}`) }),
    );
  });

  it('that is missing is told of, with the remedy', () => {
    const path = join(dir, 'none');
    const message = expect.stringMatching(`${path} cannot be read: no such file or directory. .*Put it back`);
    for (const read of [readSecretFile, readTrustedFile, readKeyFile])
      expect(() => read(path)).toThrow(expect.objectContaining({ category: 'signing', message }));
  });

  it('is made anew only if Quorum made it, and only if it is lost for good', () => {
    const anew = /Put it back.* Only if it is lost for good: .*npm run setup.*\(docs\/operations\/secrets\.md/;
    for (const path of [join(dir, 'none'), secretFile(''), secretFile('no key')]) {
      expect(() => readKeyFile(path)).toThrow(anew);
      expect(() => readKeyFile(path, 'given')).toThrow(/Put it back/);
      expect(() => readKeyFile(path, 'given')).not.toThrow(/npm run setup/);
    }
    for (const path of [join(dir, 'none'), secretFile('')]) {
      expect(() => readSecretFile(path, 'made')).toThrow(anew);
      expect(() => readSecretFile(path)).not.toThrow(/npm run setup/);
    }
  });

  it('that is there and cannot be read is not called missing', () => {
    expect(() => readSecretFile(dir, 'made')).toThrow(/cannot be read: illegal operation on a directory/);
    expect(() => readSecretFile(dir, 'made')).not.toThrow(/npm run setup/);
  });

  it.for(['', '\n', '  \n'])('that holds %j is empty', (text) => {
    expect(() => readSecretFile(secretFile(text))).toThrow(/is empty/);
  });
});

describe('a trusted file', () => {
  it.for([0o600, 0o644, 0o444])('that only its owner can write is read (%o)', (mode) => {
    expect(readTrustedFile(secretFile('{}\n', mode))).toBe('{}\n');
  });

  it.for([0o620, 0o602, 0o666, 0o664])('that others can write is refused, with the remedy (%o)', (mode) => {
    const path = secretFile('{}', mode);
    expect(() => readTrustedFile(path)).toThrow(
      expect.objectContaining({ category: 'signing', message: expect.stringContaining(`chmod go-w ${path}`) }),
    );
  });
});

describe('the owner of a file', () => {
  it('is to be us or root', () => {
    expect(isOurs(1000, 1000)).toBe(true);
    expect(isOurs(0, 1000)).toBe(true);
    expect(isOurs(1001, 1000)).toBe(false);
    expect(isOurs(1000, 0)).toBe(false);
  });

  // Only root can give a file away.
  it.skipIf(process.getuid?.() !== 0)('that is another user has the file refused, with the remedy', () => {
    const path = secretFile('s3cret');
    chownSync(path, 65_534, 65_534);
    for (const read of [readSecretFile, readTrustedFile]) {
      expect(() => read(path)).toThrow(
        expect.objectContaining({ category: 'signing', message: expect.stringContaining(`chown 0 ${path}`) }),
      );
    }
  });
});

describe('a key file', () => {
  it('holds 32 bytes as hex digits, in either case', () => {
    const key = randomBytes(32);
    expect(readKeyFile(secretFile(`${key.toString('hex')}\n`))).toEqual(key);
    expect(readKeyFile(secretFile(key.toString('hex').toUpperCase()))).toEqual(key);
  });

  it('with anything else is refused, and what it holds is not told', () => {
    for (const text of ['ab'.repeat(31), 'ab'.repeat(33), `0x${'ab'.repeat(32)}`, 'zz'.repeat(32)]) {
      const read = () => readKeyFile(secretFile(text));
      expect(read).toThrow(/64 hex digits/);
      expect(read).not.toThrow(expect.objectContaining({ message: expect.stringContaining(text) }));
    }
  });
});
