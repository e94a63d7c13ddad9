/**
 * What no log line may show, looked for in the finished line: whatever put it there, and however deep. By name (`passphrase`), by form
 * (a bearer token, a key of ours, a password within a URL, as many hex digits as a private key has), and by value (what a service was
 * given as a secret setting). Control characters go too: a line may end up in somebody's terminal, decoded.
 *
 * Ids and hashes have as many digits as a private key, so they are known by the names of their fields. Anywhere else they are
 * taken out: an error message that loses the id of a proposal can be borne, one that shows a key cannot.
 */

export const CENSOR = '[redacted]';
/** A shorter value would be found in words that hide nothing. */
const SHORTEST_SECRET = 6;

/** Fields that hold hashes and ids. Nobody can put such a name into a line from outside: a quote within a value is escaped. */
const HASH_FIELDS = [
  'id',
  'proposal_id',
  'vote_id',
  'evidence_hash',
  'content_hash',
  'inputs_hash',
  'hash',
  'version',
  'last_good',
  'job_id',
  'delivery',
];

const SECRET_NAME =
  'pass(?:word|phrase)|private[_-]?key|secret|api[_-]?key|(?:access|auth|refresh|session)[_-]?token|authorization|cookie|mnemonic|redis_url';
/** What these name goes on to the end of the line: further cookies, the parts of a digest, the words of a mnemonic. */
const LONG_NAME = 'authorization|cookie|mnemonic';
/** A text, as JSON spells it. */
const TEXT = String.raw`"(?:[^"\\]|\\.)*"`;
/** A quote within a text, or within a text in that: in a line of JSON with one backslash, or more. */
const QUOTE = String.raw`\\+["']|'`;
/** Where a word begins. `\n` and the like end in a letter, which is none of the word behind it. */
const WORD = String.raw`(?:\b|(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4}))`;
const SAYS = String.raw`(?:${QUOTE})?\s*[:=]\s*`;

/** The forms, in the order in which they are tried at each place of a line; each in brackets what of it may stay. */
const FORMS = [
  String.raw`("(?:${HASH_FIELDS.join('|')})":"(?!sk-|qk_)[\w.:@/+=-]*")`,
  // A field, whatever it is called beside: a text, a number, or what holds some.
  String.raw`("[^"\\]{0,60}(?:${SECRET_NAME})[^"\\]{0,60}":)(?:${TEXT}|\[(?:${TEXT}|[^"[\]{}])*\]|\{(?:${TEXT}|[^"[\]{}])*\}|-?\d[\d.e+-]*)`,
  String.raw`((?:${LONG_NAME})${SAYS}(?:${QUOTE})?)(?!\[redacted\])(?:[^"\\]|\\["\\])+`,
  String.raw`((?:${SECRET_NAME})${SAYS}(?:${QUOTE}))(?!\[redacted\])[^"'\\]+`,
  String.raw`((?:${SECRET_NAME})${SAYS}(?:bearer\s+|basic\s+)?)(?!\[redacted\])[^\s"'\\,;&}\]]+`,
  String.raw`(${WORD}(?:bearer|basic)\s+)[\w.~+/=-]{6,}`,
  String.raw`([?&](?:key|token|sig|signature|auth)=)[^\s"'\\&#]+`,
  // A password in a URL may hold an @: the last one before the path ends it.
  String.raw`(:\/\/)(?:[^\s/?#"\\]|\\["\\])+@`,
  String.raw`${WORD}sk-[\w-]{8,}|qk_[\w-]{8,}|(?:0x)?[0-9a-f]{64,}`,
  String.raw`(\\(?:u[0-9a-f]{4}|.))`,
  String.raw`([\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069])`,
];
const ANY = new RegExp(FORMS.join('|'), 'gi');

/** Escapes in JSON that stand for no control character; the lines and tabs of a stack may stay. */
const HARMLESS_ESCAPE = /^\\(?:["\\/nt]|u(?!00[01]|00[7-9]|061c|20))/i;

/** Makes the function that takes out of a line of JSON, which stays one, what nobody may see; `secrets` wherever they stand in it. */
export function redactor(secrets: readonly string[] = []): (line: string) => string {
  const values = secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .map((secret) => JSON.stringify(secret).slice(1, -1));
  return (line) => values.reduce((text, value) => text.replaceAll(value, CENSOR), line).replace(ANY, replacement);
}

function replacement(_found: string, ...groups: readonly (string | undefined)[]): string {
  const [kept, field, line, quoted, said, scheme, query, url, escape, control] = groups;
  if (kept !== undefined) return kept;
  if (field !== undefined) return `${field}"${CENSOR}"`;
  if (url !== undefined) return `${url}${CENSOR}@`;
  if (escape !== undefined) return HARMLESS_ESCAPE.test(escape) ? escape : ' ';
  if (control !== undefined) return ' ';
  return `${line ?? quoted ?? said ?? scheme ?? query ?? ''}${CENSOR}`;
}
