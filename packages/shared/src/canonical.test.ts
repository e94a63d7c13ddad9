import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, hashOf, macIsGood, macOf } from './canonical.ts';

const key = Buffer.alloc(32, 7);
const anyJson = fc.jsonValue({ stringUnit: 'grapheme' });

describe('canonical JSON', () => {
  it('does not depend on the order of keys, at any depth', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), anyJson, { noNullPrototype: true }), (value) => {
        const turned = Object.fromEntries(Object.entries(value).toReversed());
        expect(canonicalJson({ deep: [turned] })).toBe(canonicalJson({ deep: [value] }));
        expect(hashOf(turned)).toBe(hashOf(value));
      }),
    );
  });

  it('reads back as the same value', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('keeps the order of lists', () => {
    expect(hashOf([1, 2])).not.toBe(hashOf([2, 1]));
  });

  it('is spelt as RFC 8785 spells it', () => {
    expect(canonicalJson({ b: [1e21, 1.0, -0], a: '\u20ac\n', '\u20ac': null })).toBe(
      '{"a":"€\\n","b":[1e+21,1,0],"€":null}',
    );
    // What `printf '{"a":1}' | sha256sum` says.
    expect(hashOf({ a: 1 })).toBe('015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862');
  });

  const circle: { self?: unknown } = {};
  circle.self = circle;
  it.for([
    ['nothing', undefined],
    ['a function', () => 1],
    ['NaN', { a: Number.NaN }],
    ['infinity', [Number.POSITIVE_INFINITY]],
    ['a circle', circle],
    ['half a surrogate pair', '\ud800'],
  ])('has no form for %s', ([, value]) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });
});

describe('a code', () => {
  const value = { vote: 'For', weight: 1 };
  const mac = macOf('a test', value, key);

  it('is good for its value, purpose and key', () => {
    expect(mac).toMatch(/^[0-9a-f]{64}$/);
    expect(macIsGood('a test', { weight: 1, vote: 'For' }, key, mac)).toBe(true);
  });

  it('is bad for any other value, purpose or key', () => {
    expect(macIsGood('a test', { ...value, vote: 'Against' }, key, mac)).toBe(false);
    expect(macIsGood('another test', value, key, mac)).toBe(false);
    expect(macIsGood('a test', value, Buffer.alloc(32, 8), mac)).toBe(false);
  });

  it.for(['', 'zz', mac.slice(2), `${mac}zz`, `${mac}00`, ` ${mac}`, mac.replace(/^./, 'g')])(
    '%j is no code',
    (bad) => {
      expect(macIsGood('a test', value, key, bad)).toBe(false);
    },
  );
});
