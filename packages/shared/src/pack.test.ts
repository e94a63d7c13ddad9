/** That what Redis keeps is small, comes back to the letter, and can still be read years later. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { aDecision } from '../test/samples.ts';
import { pack, unpack } from './pack.ts';

describe('what is packed', () => {
  property.prop([fc.string({ unit: 'grapheme', maxLength: 2_000 })])('comes back to the letter', async (text) => {
    expect(await unpack(await pack(text))).toBe(text);
  });

  it('is much less than gzip makes of a decision', async () => {
    const text = JSON.stringify({ kind: 'decided', sealed: { decision: aDecision(), mac: 'f'.repeat(64) } });
    expect((await pack(text)).length).toBeLessThan(gzipSync(text).length * 0.7);
  });

  it('may be what was kept before, by gzip, and nothing else', async () => {
    expect(await unpack(gzipSync('kept before'))).toBe('kept before');
    await expect(unpack(Buffer.from('{}'))).rejects.toThrow(TypeError);
    await expect(unpack(Buffer.alloc(0))).rejects.toThrow(TypeError);
    const cut = (await pack('a text that is long enough to be cut')).subarray(0, 12);
    await expect(unpack(cut)).rejects.toThrow();
  });

  it('is read with the words of its version, which never change: others go into a version of their own', () => {
    const words = readFileSync(new URL('packed-words-1.txt', import.meta.url));
    expect(createHash('sha256').update(words).digest('hex')).toBe(
      '78e67f0f5c1ca81f417c826f7ffa7d23c9b1f63fdf0ab0daef4613b43effa30e',
    );
  });
});
