/**
 * EIP-712 by hand, for the flat messages that the sequencer takes: a message's types are compiled once into a list of field
 * encoders, and the domain's hash is kept, so that a message costs a handful of Keccaks and no more.
 *
 * What can be encoded follows the library that the real sequencer verifies with (ethers 5), which differs from newer ones in
 * two leniencies: a number, an object or an empty list in a `string` field counts as an empty text, and a list of bytes in a
 * `uint` field as the number that they spell, which is how snapshot.js signs a copeland ranking.
 */
import { getAddress, keccak256 } from 'ethers';

export type TypedField = { readonly name: string; readonly type: string };
export type TypedDomain = Readonly<Record<string, unknown>>;

/** Encodes a value as 32 bytes; throws where the type cannot hold it. */
type Encoder = (value: unknown) => Uint8Array;
type Struct = { readonly typeHash: Uint8Array; readonly fields: readonly { name: string; encode: Encoder }[] };

const WORD = 32;
const LONGEST_KEPT = 100;
const MOST_KEPT = 2_000;
const utf8 = new TextEncoder();

export type TypedDataHasher = {
  /** The EIP-712 hash, 32 bytes. Throws where domain or message cannot be encoded. */
  hash(
    domain: TypedDomain,
    primary: string,
    fields: readonly TypedField[],
    message: Readonly<Record<string, unknown>>,
  ): Uint8Array;
};

export function createTypedDataHasher(): TypedDataHasher {
  const structs = new Map<string, Struct>();
  const domains = new Map<string, Uint8Array>();

  const structOf = (name: string, fields: readonly TypedField[]): Struct => {
    const typeText = `${name}(${fields.map((field) => `${field.type} ${field.name}`).join(',')})`;
    const known = structs.get(typeText);
    if (known) return known;
    const made = {
      typeHash: keccak(utf8.encode(typeText)),
      fields: fields.map((field) => ({ name: field.name, encode: encoderOf(field.type) })),
    };
    structs.set(typeText, made);
    return made;
  };
  const hashStruct = ({ typeHash, fields }: Struct, value: Readonly<Record<string, unknown>>): Uint8Array =>
    keccak(joined([typeHash, ...fields.map(({ name, encode }) => encode(value[name]))]));

  const hashDomain = (domain: TypedDomain): Uint8Array => {
    const text = JSON.stringify(domain);
    const known = domains.get(text);
    if (known) return known;
    const made = hashStruct(structOf('EIP712Domain', domainFields(domain)), domain);
    // A domain is anybody's to choose: only the first few are worth keeping.
    if (domains.size < 100) domains.set(text, made);
    return made;
  };

  return {
    hash: (domain, primary, fields, message) =>
      keccak(joined([Uint8Array.of(0x19, 0x01), hashDomain(domain), hashStruct(structOf(primary, fields), message)])),
  };
}

const DOMAIN_FIELDS: readonly TypedField[] = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
  { name: 'salt', type: 'bytes32' },
];

function domainFields(domain: TypedDomain): readonly TypedField[] {
  const fields = DOMAIN_FIELDS.filter(({ name }) => Object.hasOwn(domain, name));
  if (fields.length < Object.keys(domain).length)
    throw new TypeError('the domain has a field that EIP-712 does not know');
  return fields;
}

function encoderOf(type: string): Encoder {
  if (type.endsWith('[]')) {
    const item = encoderOf(type.slice(0, -2));
    return (value) => {
      if (!Array.isArray(value)) throw new TypeError('is not an array');
      return keccak(joined(value.map((one) => item(one))));
    };
  }
  const uint = /^uint(\d+)$/.exec(type);
  if (uint) return uintEncoder(Number(uint[1]));
  switch (type) {
    case 'string':
      return textHasher();
    case 'address':
      return (value) => padded(hexBytes(getAddress(String(value))));
    case 'bytes32':
      return (value) => {
        const bytes = hexBytes(value);
        if (bytes.length !== WORD) throw new TypeError('is not 32 bytes');
        return bytes;
      };
    default:
      throw new TypeError(`no encoder for ${type}`);
  }
}

function uintEncoder(bits: number): Encoder {
  const limit = 2n ** BigInt(bits);
  return (value) => {
    const number = uintOf(value);
    if (number >= limit) throw new RangeError(`is too large for uint${bits}`);
    const bytes = new Uint8Array(WORD);
    for (let rest = number, at = WORD - 1; rest > 0n; rest >>= 8n, at -= 1) bytes[at] = Number(rest & 0xffn);
    return bytes;
  };
}

/** Whole numbers, texts of digits or of hex, and lists of bytes. */
function uintOf(value: unknown): bigint {
  // The largest safe integer is one too many there.
  if (typeof value === 'number' && Number.isSafeInteger(value + 1) && value >= 0) return BigInt(value);
  if (typeof value === 'string' && /^(?:\d+|0x[0-9a-fA-F]+)$/.test(value)) return BigInt(value);
  if (isBytes(value) && value.length > 0) return BigInt(`0x${Buffer.from(value).toString('hex')}`);
  throw new TypeError('is not a whole number of 0 or more');
}

/** Spaces, proposals and apps recur: short texts are hashed once. */
function textHasher(): Encoder {
  const known = new Map<string, Uint8Array>();
  return (value) => {
    if (typeof value !== 'string' || value.length > LONGEST_KEPT) return keccak(textBytes(value));
    const before = known.get(value);
    if (before) return before;
    const hash = keccak(textBytes(value));
    if (known.size >= MOST_KEPT) known.clear();
    known.set(value, hash);
    return hash;
  };
}

function isBytes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);
}

function textBytes(value: unknown): Uint8Array {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new TypeError('is not well-formed Unicode');
    return utf8.encode(value);
  }
  const filled = Array.isArray(value) && value.length > 0;
  if (value === null || value === undefined || filled) throw new TypeError('is not a text');
  return new Uint8Array(0);
}

function hexBytes(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !/^0x(?:[0-9a-fA-F]{2})*$/.test(value)) throw new TypeError('is not hex');
  return Buffer.from(value.slice(2), 'hex');
}

function padded(bytes: Uint8Array): Uint8Array {
  const word = new Uint8Array(WORD);
  word.set(bytes, WORD - bytes.length);
  return word;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

function keccak(bytes: Uint8Array): Uint8Array {
  return hexBytes(keccak256(bytes));
}
