import { randomBytes, randomUUID } from 'node:crypto';
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { redactor } from './redact.ts';

const redact = redactor();
const hex = (): string => randomBytes(32).toString('hex');
const redacted = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  JSON.parse(redact(JSON.stringify(fields)));

describe('a line', () => {
  it.each([
    ['a bearer token', 'refused: Authorization: Bearer abc.def-ghi_jkl=', 'abc.def'],
    ['a bearer token by itself', 'sent Bearer abcdefghi', 'abcdefghi'],
    ['a key of a model endpoint', 'Incorrect API key provided: sk-proj-abcdefghijk', 'abcdefghijk'],
    ['one of our API keys', `key qk_0123456789abcdef_${randomBytes(32).toString('base64url')}`, 'qk_0'],
    ['the password in a URL', 'connect redis://quorum:hunter2@127.0.0.1:6379 failed', 'hunter2'],
    ['a password that is said', 'could not open it with passphrase=hunter2, sorry', 'hunter2'],
    ['a password in JSON within a text', 'sent {"password":"hunter2"}', 'hunter2'],
    ['a cookie', 'cookie: session=hunter2', 'hunter2'],
    ['any of several cookies', 'cookie: lang=en; session=hunter2', 'hunter2'],
    ['what a digest answers', 'Authorization: Digest username="ada", response="hunter2"', 'hunter2'],
    ['a password with an @ in a URL', 'connect redis://quorum:p@hunter2@127.0.0.1 failed', 'hunter2'],
    ['a password with quotes in a URL', `connect redis://quorum:it's"hunter2@127.0.0.1 failed`, 'hunter2'],
    ['a key in the query of a URL', 'POST https://model.example/v1?alt=json&key=hunter2 failed', 'hunter2'],
    ['a token in the query of a URL', 'GET https://hub.example/?token=hunter2&x=1 failed', 'hunter2'],
    ['an access token that is said', 'refused: {"access_token": "hunter2"}', 'hunter2'],
    ['a password in JSON within JSON', JSON.stringify({ body: '{"password":"hunter2"}' }), 'hunter2'],
  ])('does not show %s', (_what, text, secret) => {
    const line = redact(JSON.stringify({ why: text, err: { message: text, stack: `${text}\n at x` } }));
    expect(line).not.toContain(secret);
    expect(line.match(/\[redacted\]/g)?.length).toBeGreaterThanOrEqual(3);
    expect(() => JSON.parse(line)).not.toThrow();
  });

  it.each(['\n', '\t', '\r\n', '\u001b', '"', '_'])('does not show a key behind %j', (before) => {
    const key = hex();
    const ours = `qk_0123456789abcdef_${key}`;
    for (const secret of [`0x${key}`, key, `sk-${key}`, ours, 'Bearer abc.def.ghi', 'sk-proj-abcdef.ghi']) {
      const line = redact(JSON.stringify({ why: `odd:${before}${secret}` }));
      if (before === '_' && !secret.includes(key)) continue;
      expect(line).not.toMatch(new RegExp(`${key.slice(0, 12)}|abc|0123456789abcdef`));
    }
  });

  it('does not show what looks like a private key, with 0x or without, or a longer one', () => {
    const [one, two, three] = [hex(), hex().toUpperCase(), `${hex()}${hex()}`];
    const line = redact(JSON.stringify({ why: `0x${one} and ${two}`, list: [three], key: `0x${one}` }));
    for (const key of [one, two, three]) expect(line).not.toContain(key.slice(0, 12));
  });

  it('shows ids and hashes under their own names, and what has fewer digits', () => {
    const id = `0x${hex()}`;
    const fields = {
      proposal_id: id,
      vote_id: id,
      evidence_hash: hex(),
      content_hash: hex(),
      job_id: `vote-${randomUUID()}-${id}`,
      voter: `0x${randomBytes(20).toString('hex')}`,
      hold_id: randomBytes(16).toString('hex'),
      run_id: randomUUID(),
    };
    expect(redacted(fields)).toEqual(fields);
  });

  it('cannot be made to show a key by a name within a text', () => {
    const key = hex();
    expect(redact(JSON.stringify({ why: `"proposal_id":"${key}"` }))).not.toContain(key);
  });

  it('names a secret at any depth', () => {
    const deep = {
      a: [{ b: { c: { private_key: 'hunter2', OPENAI_API_KEY: 'hunter2', 'x-api-key': 'a "hunter2' } } }],
    };
    expect(JSON.stringify(redacted(deep))).not.toContain('hunter2');
  });

  it.each([
    { headers: { 'set-cookie': ['a=hunter2; Path=/', 'b="hunter2'] } },
    { password: 42_117 },
    { 'db.password': 'hunter2', 'the password': 'hunter2' },
    { api_keys: { one: 'hunter2', two: 42_117 } },
  ])('names a secret that is no text: %j', (fields) => {
    expect(JSON.stringify(redacted({ a: { b: { c: fields } } }))).not.toMatch(/hunter2|42117/);
  });

  it('shows under the name of an id nothing but an id', () => {
    const fields = {
      proposal_id: 'a\u009b2J\u202eb',
      id: 'Bearer abcdefghi',
      hash: 'sk-abcdefghi',
      job_id: 'vote-\u0085',
    };
    expect(redacted(fields)).toEqual({
      proposal_id: 'a 2J b',
      id: 'Bearer [redacted]',
      hash: '[redacted]',
      job_id: 'vote- ',
    });
  });

  it('shows what only sounds like a secret', () => {
    const fields = {
      input_tokens: 12,
      why: 'Unexpected token "x" in a risk-assessment; the task-management of api keys. See https://x.example/a?page=2',
      OPENAI_API_KEY: null,
      has_password: true,
    };
    expect(redacted(fields)).toEqual(fields);
  });

  const name = fc.oneof(fc.string(), fc.constantFrom('password', 'api_key', 'x-api-key', 'set-cookie', 'id', 'hash'));
  const said = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('password: x', 'cookie: "a"', '://a"b@c', '?key=x'),
  );

  property.prop([
    fc.dictionary(
      name,
      fc.oneof(
        said,
        fc.integer(),
        fc.double(),
        fc.boolean(),
        fc.constant(null),
        fc.array(fc.jsonValue()),
        fc.dictionary(name, said),
      ),
    ),
  ])('stays JSON and holds no control character but the ends of lines and tabs', (fields) => {
    const line = redact(JSON.stringify(fields));
    const read: unknown = JSON.parse(line);
    expect(typeof read).toBe('object');
    expect(line).not.toMatch(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
    const texts: unknown[] = [];
    JSON.parse(line, (_key, value: unknown) => (texts.push(value), value));
    for (const text of texts.filter((one) => typeof one === 'string')) {
      expect(text.replaceAll(/[\n\t]/g, '')).not.toMatch(/\p{Cc}/u);
    }
  });
});
