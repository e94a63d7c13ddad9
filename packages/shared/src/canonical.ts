/**
 * One spelling for every value that is hashed or authenticated: canonical JSON (RFC 8785), so that the order of keys or the
 * spacing can never change a hash.
 */
import { createHmac, createSecretKey, hash, timingSafeEqual, type KeyObject } from 'node:crypto';
import canonicalize from 'canonicalize';

/**
 * Canonical JSON of a value. Throws a TypeError for what JSON cannot say (undefined at the top, functions, cycles,
 * NaN, half a surrogate pair).
 */
export function canonicalJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = canonicalize(value);
  } catch (cause) {
    throw new TypeError(`This value has no JSON form: ${String(cause)}`, { cause });
  }
  if (text === undefined) throw new TypeError('This value has no JSON form');
  return text;
}

/** SHA-256 of the canonical JSON of a value: 64 hex digits. */
export function hashOf(value: unknown): string {
  return hash('sha256', canonicalJson(value));
}

/**
 * HMAC-SHA-256 over the canonical JSON of a value: 64 hex digits. `purpose` keeps a code made for one kind of record from
 * passing for another.
 */
export function macOf(purpose: string, value: unknown, key: Buffer): string {
  return createHmac('sha256', keyObjectOf(key))
    .update(`${purpose}\n${canonicalJson(value)}`)
    .digest('hex');
}

/** A key is made ready once: that takes five times as long as the code itself. */
const keyObjects = new WeakMap<Buffer, KeyObject>();

function keyObjectOf(key: Buffer): KeyObject {
  const known = keyObjects.get(key);
  if (known !== undefined) return known;
  const made = createSecretKey(key);
  keyObjects.set(key, made);
  return made;
}

/** Whether `mac` is the code of this value under this key. Takes the same time wherever the two differ. */
export function macIsGood(purpose: string, value: unknown, key: Buffer, mac: string): boolean {
  // Compared as text: read as hex, a good code with something behind it would still pass.
  const expected = Buffer.from(macOf(purpose, value, key));
  const given = Buffer.from(mac);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
