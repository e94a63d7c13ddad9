/** The hash by hand and the recovered signer, held against ethers' own. */
import { getBytes, hexlify, type Signature, toBeHex, TypedDataEncoder, Wallet } from 'ethers';
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { recover } from './signature.ts';
import { createTypedDataHasher } from './typed-data.ts';

const FIELDS = [
  { name: 'from', type: 'address' },
  { name: 'space', type: 'string' },
  { name: 'timestamp', type: 'uint64' },
  { name: 'proposal', type: 'bytes32' },
  { name: 'choice', type: 'uint32[]' },
];
const wallet = Wallet.createRandom();
const text = fc.string({ unit: 'grapheme', maxLength: 150 });

const message = fc.record({
  from: fc.constant(wallet.address),
  space: text,
  timestamp: fc.nat(),
  proposal: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => hexlify(bytes)),
  choice: fc.array(fc.nat({ max: 2 ** 32 - 1 }), { maxLength: 5 }),
});
const domain = fc.record(
  { name: text, version: text, chainId: fc.nat(), salt: fc.constant(`0x${'ab'.repeat(32)}`) },
  { requiredKeys: ['name'] },
);

describe('the EIP-712 hash', () => {
  const hasher = createTypedDataHasher();
  test.prop([domain, message])('is the one that ethers computes', (inDomain, value) => {
    const expected = TypedDataEncoder.hash(inDomain, { Vote: FIELDS }, value);
    expect(hexlify(hasher.hash(inDomain, 'Vote', FIELDS, value))).toBe(expected);
  });

  test.each([
    { timestamp: -1 },
    { timestamp: 1.5 },
    { timestamp: '1e3' },
    { timestamp: 2 ** 64 },
    { timestamp: Number.MAX_SAFE_INTEGER },
    { choice: [2 ** 32] },
    { choice: 1 },
    { space: null },
    { proposal: '0x12' },
    { from: '0x12' },
  ])('cannot be made of %j', (wrong) => {
    const good = { from: wallet.address, space: 's', timestamp: 1, proposal: `0x${'00'.repeat(32)}`, choice: [1] };
    expect(() => hasher.hash({ name: 'a' }, 'Vote', FIELDS, { ...good, ...wrong })).toThrow();
  });

  // As the library of the real sequencer does, which asks a text for its length before it looks at what it is.
  test.each([[[]], [{}], [5], [true]])('takes %j where a text belongs for an empty one', (value) => {
    const fields = [{ name: 'metadata', type: 'string' }];
    const of = (metadata: unknown): string => hexlify(hasher.hash({ name: 'a' }, 'Vote', fields, { metadata }));
    expect(of(value)).toBe(of(''));
    expect(() => of([1])).toThrow('is not a text');
  });

  test('knows no other domain', () => {
    expect(() => hasher.hash({ name: 'a', colour: 'red' }, 'Vote', [], {})).toThrow('does not know');
  });
});

describe('the signer', () => {
  const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const signed = (digest: Uint8Array): Signature => wallet.signingKey.sign(digest);

  test.prop([hash], { numRuns: 20 })('is found in each form of one signature', (digest) => {
    const { r, s, yParity, serialized, compactSerialized } = signed(digest);
    const rs = r + s.slice(2);
    const high = r + toBeHex(ORDER - BigInt(s), 32).slice(2);
    const forms = [
      serialized,
      compactSerialized,
      `${rs}0${yParity}`,
      `${rs}${toBeHex(29 + yParity, 1).slice(2)}`,
      `${high}${yParity === 0 ? '1c' : '1b'}`,
    ];
    expect(forms.map((form) => recover(digest, form))).toEqual(forms.map(() => wallet.address.toLowerCase()));
  });

  test.prop([hash, fc.nat({ max: 63 }), fc.integer({ min: 1, max: 255 })], { numRuns: 20 })(
    'is another one, or nobody, where a byte is changed',
    (digest, at, change) => {
      const bytes = getBytes(signed(digest).serialized);
      bytes[at] = (bytes[at] ?? 0) ^ change;
      expect(recover(digest, hexlify(bytes))).not.toBe(wallet.address.toLowerCase());
    },
  );

  test('is nobody where the other parity is said, or v is nothing', () => {
    const digest = new Uint8Array(32).fill(7);
    const { r, s, yParity } = signed(digest);
    const rs = r + s.slice(2);
    expect(recover(digest, `${rs}0${1 - yParity}`)).not.toBe(wallet.address.toLowerCase());
    expect(recover(digest, `${rs}05`)).toBeNull();
    expect(recover(digest, '0x')).toBeNull();
    expect(recover(digest, `0x${'00'.repeat(65)}`)).toBeNull();
  });
});
