import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyPreferences } from '../test/arbitraries.ts';
import { DEFAULTS } from '../test/preference-stores.ts';
import { readDocument, readObject, wordsOf, type DocumentIssue } from './preferences-document.ts';
import { UserPreferences } from './preferences.ts';

const read = (text: string) => readDocument(Buffer.from(text), DEFAULTS);

/** The only issue. */
function issueOf(text: string): DocumentIssue {
  const found = read(text);
  if (found.kind === 'good') throw new Error(`it was taken: ${text}`);
  expect(found.issues).toHaveLength(1);
  return found.issues[0] ?? { line: 0, column: 0, path: '', message: '' };
}

/** JSON values near to preferences, and far from them. */
const anyField = fc.oneof(
  fc.constantFrom(...Object.keys(UserPreferences.shape), '__proto__', 'constructor'),
  fc.string(),
);
const anyNear = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.dictionary(
    anyField,
    fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.double().map(String), fc.constantFrom('\ud800', '\0')),
  ),
  anyPreferences,
);

describe('any JSON value', () => {
  it('is good, or has issues that each name a place and say what is wrong', () => {
    fc.assert(
      fc.property(anyNear, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const found = read(text);
        if (found.kind === 'good') {
          expect(UserPreferences.safeParse({ ...DEFAULTS, ...found.document }).data).toEqual(found.preferences);
          return;
        }
        expect(found.issues.length).toBeGreaterThan(0);
        const lines = text.split('\n');
        const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
        for (const { line, column, path, message } of found.issues) {
          expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? -1) + 1);
          expect(message).not.toBe('');
          // What is an object is wrong in one of its fields.
          expect(path !== '').toBe(isObject);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is read as JSON reads it, and any text that is no JSON is refused', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(
          fc.constantFrom(
            '{',
            '}',
            '[',
            ']',
            '"',
            ':',
            ',',
            '1',
            'e',
            '.',
            '-',
            '\\',
            '/',
            '*',
            'null',
            ' ',
            '\n',
            '\u00a0',
          ),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        const found = readObject(Buffer.from(text));
        if (found.kind === 'good') expect(found.document).toEqual(JSON.parse(text));
        else if (found.fault === 'unparsable') expect(() => JSON.parse(text.toWellFormed())).toThrow(SyntaxError);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives preferences back as they were', () => {
    fc.assert(
      fc.property(anyPreferences, (wanted) => {
        expect(read(JSON.stringify(wanted))).toMatchObject({ kind: 'good', preferences: wanted });
      }),
    );
  });
});

describe('an issue', () => {
  it.for([
    ['{"approval": "always",}', 1, 23, '', /no comma stands before }/],
    ['{\n  "approval": "always"\n  "revise_votes": true\n}', 3, 3, '', /a comma is missing/],
    ['{"approval": always}', 1, 14, '', /in double quotes/],
    ['{"instructions": "two\nlines"}', 1, 18, '', /./],
    ['{"a": 1} x', 1, 10, '', /nothing may follow|means nothing/],
    ['{\r\n"voting_strategy": "bold"\r\n}', 2, 20, 'voting_strategy', /conservative/],
    ['{"blacklisted_proposers": [\n"0x12"]}', 2, 1, 'blacklisted_proposers[0]', /is not an Ethereum address/],
    ['{"space_overrides": {"Harbour": {}}}', 1, 22, 'space_overrides.Harbour', /./],
    [
      '{"space_overrides": {"a.eth":\n {"approvals": 1}}}',
      2,
      3,
      'space_overrides["a.eth"].approvals',
      /is not a known field/,
    ],
    ['{"space_overrides": {"__proto__": {}}}', 1, 22, 'space_overrides.__proto__', /is not a known field/],
    ['{"space_overrides": {"a.eth": {}, "a.eth": {}}}', 1, 35, 'space_overrides["a.eth"]', /stands here twice/],
    ['{"instructions": "\\ud800"}', 1, 18, 'instructions', /half a character/],
  ] as const)('of %j stands at %i:%i', ([text, line, column, path, message]) => {
    expect(issueOf(text)).toEqual({ line, column, path, message: expect.stringMatching(message) });
  });

  it('never repeats what stands in the text', () => {
    const secret = 'my private wish';
    for (const text of [`{"instructions": "${secret}`, `{"instructions": ${secret}}`, `{"approval": "${secret}"}`]) {
      expect(JSON.stringify(read(text))).not.toContain(secret);
    }
  });

  it('of nesting without end is an issue and no crash', () => {
    expect(issueOf('['.repeat(200_000)).message).toMatch(/nested too deeply/);
    expect(issueOf(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`).message).toMatch(/nested too deeply/);
  });

  it('beyond the tenth is counted, not told', () => {
    const found = read(JSON.stringify({ blacklisted_proposers: Array.from({ length: 25 }, () => 'x') }));
    if (found.kind === 'good') throw new Error('it was taken');
    expect(wordsOf('file', found.issues).split('\n')).toHaveLength(11);
    expect(wordsOf('file', found.issues)).toMatch(/^file:1:27: blacklisted_proposers\[0\] is not an Ethereum address/);
    expect(wordsOf('file', found.issues)).toMatch(/and 15 more$/);
  });
});

it('a byte order mark, as some editors write it, is no fault', () => {
  expect(read('\ufeff{"approval": "always"}')).toMatchObject({ kind: 'good', preferences: { approval: 'always' } });
});
