/**
 * The text of preferences: what an owner writes by hand, what a client sends, what a store keeps. It is strict JSON (RFC 8259),
 * and it may leave fields out. What does not fit is said with line, column and path; nothing else is ever thrown.
 */
import { findNodeAtLocation, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import { z } from 'zod';
import { preferencesVersion, UserPreferences } from './preferences.ts';

/** What the operator set for owners who said nothing. */
export type PreferenceDefaults = Pick<UserPreferences, 'confidence_threshold' | 'max_proposals_per_run'>;

/** The fields as they were written; what is left out follows the defaults, those of a later start too. */
export type PreferencesDocument = Readonly<Record<string, unknown>>;

/** What is wrong, and where: line and column count from 1; the path is empty for the whole. */
export type DocumentIssue = {
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
};

export type ReadObject =
  | { readonly kind: 'good'; readonly document: PreferencesDocument; readonly at: Locate }
  | { readonly kind: 'bad'; readonly fault: 'unparsable' | 'invalid'; readonly issues: readonly DocumentIssue[] };

export type ReadDocument =
  | {
      readonly kind: 'good';
      readonly document: PreferencesDocument;
      readonly preferences: UserPreferences;
      readonly version: string;
    }
  | { readonly kind: 'bad'; readonly fault: 'unparsable' | 'invalid'; readonly issues: readonly DocumentIssue[] };

type Path = readonly (string | number)[];
/** Makes an issue of what stands at a path; `ofKey` means the key and not its value. */
type Locate = (path: Path, message: string, ofKey?: boolean) => DocumentIssue;

const Fields = z.record(z.string(), z.unknown());

/** Reads preferences. Every value of JSON is good, or has an issue that names where it is wrong. */
export function readDocument(bytes: Uint8Array, defaults: PreferenceDefaults): ReadDocument {
  const read = readObject(bytes);
  if (read.kind === 'bad') return read;
  const { document, at } = read;
  const parsed = UserPreferences.safeParse({ ...defaults, ...document });
  if (!parsed.success) {
    return { kind: 'bad', fault: 'invalid', issues: parsed.error.issues.flatMap((issue) => issuesOf(issue, at)) };
  }
  return { kind: 'good', document, preferences: parsed.data, version: preferencesVersion(parsed.data) };
}

/** Reads a JSON object in which no key stands twice, whatever its fields are. */
export function readObject(bytes: Uint8Array): ReadObject {
  const text = new TextDecoder().decode(bytes);
  const locate = (offset: number, path: Path, message: string): DocumentIssue => ({
    ...positionOf(text, offset),
    path: spelt(path),
    message,
  });
  const unparsable = (offset: number, message: string): ReadObject => ({
    kind: 'bad',
    fault: 'unparsable',
    issues: [locate(offset, [], message)],
  });
  if (!isUtf8(bytes)) return unparsable(Math.max(0, text.indexOf('\ufffd')), 'is not UTF-8');
  const parsed = parseStrictly(text);
  if ('message' in parsed) return unparsable(parsed.offset, parsed.message);

  const { root, value } = parsed;
  const at: Locate = (path, message, ofKey = false) => locate(offsetOf(root, path, ofKey), path, message);
  const issues = [...repeatedKeys(root, [])].map(({ offset, path, message }) => locate(offset, path, message));
  const fields = Fields.safeParse(value);
  if (!fields.success) issues.push(at([], 'must be an object: {…}'));
  if (!fields.success || issues.length > 0) return { kind: 'bad', fault: 'invalid', issues };
  return { kind: 'good', document: fields.data, at };
}

/** zod's own spelling leaves an empty key out. */
function spelt(path: Path): string {
  return path.reduce<string>((before, part) => {
    if (typeof part === 'number') return `${before}[${part}]`;
    if (!/^[A-Za-z_$][\w$]*$/.test(part)) return `${before}[${JSON.stringify(part)}]`;
    return before === '' ? part : `${before}.${part}`;
  }, '');
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

type Parsed = { readonly root: Node; readonly value: unknown } | { readonly offset: number; readonly message: string };

function parseStrictly(text: string): Parsed {
  const errors: ParseError[] = [];
  try {
    const options = { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false };
    const root = parseTree(text, errors, options);
    const [first] = errors;
    // Those behind the first are its consequences.
    if (first !== undefined) return { offset: first.offset, message: wordsFor(printParseErrorCode(first.error)) };
    // What the value is, JSON itself says; the tree says where it stands.
    if (root !== undefined) return { root, value: JSON.parse(text) };
  } catch (error) {
    // The parser goes down with the nesting, and its stack ends.
    if (error instanceof RangeError) return { offset: 0, message: 'is not JSON: it is nested too deeply' };
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { offset: 0, message: 'is not JSON' };
}

const SYNTAX: Readonly<Record<string, string>> = {
  InvalidSymbol: 'this word means nothing here; texts and names stand in double quotes',
  InvalidNumberFormat: 'this number is not written as JSON has it',
  UnexpectedEndOfNumber: 'this number does not end as it must',
  PropertyNameExpected: 'the name of a field is missing; no comma stands before }',
  ValueExpected: 'a value is missing; no comma stands before ] or at the end',
  ColonExpected: 'a colon is missing',
  CommaExpected: 'a comma is missing',
  CloseBraceExpected: 'a } is missing',
  CloseBracketExpected: 'a ] is missing',
  EndOfFileExpected: 'nothing may follow here',
  InvalidCommentToken: 'comments are not allowed',
  UnexpectedEndOfComment: 'comments are not allowed',
  UnexpectedEndOfString: 'this text has no closing double quote',
  InvalidUnicode: 'this \\u escape needs four hex digits',
  InvalidEscapeCharacter: 'this escape is not known',
  InvalidCharacter: 'a control character must be written as an escape, a line break as \\n',
};

/** Our own words: those of the runtime repeat a part of the text, which may be the owner's instructions. */
function wordsFor(code: string): string {
  return `is not JSON: ${SYNTAX[code] ?? 'something is wrong here'}`;
}

type Misplaced = { readonly offset: number; readonly path: Path; readonly message: string };

/** Keys that stand twice in one object: which of both was meant nobody knows. `__proto__` would vanish without a word. */
function* repeatedKeys(node: Node, path: Path): Generator<Misplaced> {
  if (node.type === 'array') {
    for (const [index, child] of (node.children ?? []).entries()) yield* repeatedKeys(child, [...path, index]);
    return;
  }
  if (node.type !== 'object') return;
  const seen = new Set<string>();
  for (const { children = [] } of node.children ?? []) {
    const [key, child] = children;
    if (key === undefined) continue;
    const name = String(key.value);
    const own = [...path, name];
    if (seen.has(name)) yield { offset: key.offset, path: own, message: 'stands here twice: remove one' };
    if (name === '__proto__') yield { offset: key.offset, path: own, message: NOT_KNOWN };
    seen.add(name);
    if (child !== undefined) yield* repeatedKeys(child, own);
  }
}

const NOT_KNOWN = 'is not a known field';

function issuesOf(issue: z.core.$ZodIssue, at: Locate): DocumentIssue[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => at([...path, key], NOT_KNOWN, true));
    case 'invalid_key':
      return [at(path, issue.issues[0]?.message ?? issue.message, true)];
    default:
      return [at(path, issue.message)];
  }
}

/** Where the value at a path, or its key, begins; where nothing stands there, what is around it. */
function offsetOf(root: Node, path: Path, ofKey: boolean): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node = findNodeAtLocation(root, path.slice(0, length));
    if (node !== undefined) return (ofKey ? node.parent?.offset : undefined) ?? node.offset;
  }
  return root.offset;
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split(/\r\n|\r|\n/);
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

const ISSUES_TOLD = 10;

/** The issues in words, each with its place in `where`. */
export function wordsOf(where: string, issues: readonly DocumentIssue[]): string {
  const told = issues.slice(0, ISSUES_TOLD).map(({ line, column, path, message }) => {
    return `${where}:${line}:${column}: ${path === '' ? '' : `${path} `}${message}`;
  });
  const rest = issues.length - told.length;
  return [...told, ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n');
}
