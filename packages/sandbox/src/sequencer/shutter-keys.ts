/**
 * The sandbox's own Shutter keys, for proposals whose world brings none. A proposal's decryption key is the eon's secret times
 * the point that the proposal's id is hashed to, on the curve BN254. Nothing here is worth hiding, so the eon's secret is 1:
 * its public key is the generator of G2, and anybody can compute each decryption key, as the tests do.
 */
import { keccak256, toBeHex } from 'ethers';

/** The generator of G2: x and y, each with its imaginary part first. */
export const EON_PUBLIC_KEY = `0x${[
  '198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2',
  '1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed',
  '090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b',
  '12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa',
].join('')}`;

/** The field over which BN254 is defined, and the order of its groups. */
const FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
const ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

/** The decryption key of a proposal, 64 bytes of hex. `proposal` is the id, 0x and hex digits. */
export function decryptionKeyOf(proposal: string): string {
  const point = multiply({ x: 1n, y: 2n }, BigInt(keccak256(proposal)) % ORDER);
  return `0x${[point.x, point.y].map((coordinate) => toBeHex(coordinate, 32).slice(2)).join('')}`;
}

/** A point of G1 that is not the neutral one. */
type Point = { readonly x: bigint; readonly y: bigint };

/** `times` from 1 to the order less 1. */
function multiply(point: Point, times: bigint): Point {
  let sum: Point | null = null;
  let doubled = point;
  for (let rest = times; rest > 0n; rest >>= 1n) {
    if (rest & 1n) sum = sum ? add(sum, doubled) : doubled;
    doubled = add(doubled, doubled);
  }
  if (!sum) throw new RangeError('zero times a point is no point');
  return sum;
}

/** Never called with a point and its opposite: multiples below the order do not meet it. */
function add(a: Point, b: Point): Point {
  const same = a.x === b.x;
  const slope = same ? 3n * a.x * a.x * inverse(2n * a.y) : (b.y - a.y) * inverse(b.x - a.x);
  const x = modulo(slope * slope - a.x - b.x);
  return { x, y: modulo(slope * (a.x - x) - a.y) };
}

/** By Euclid's algorithm. */
function inverse(value: bigint): bigint {
  let [low, high, ofLow, ofHigh] = [modulo(value), FIELD, 1n, 0n];
  while (low > 1n) {
    const times = high / low;
    [low, high, ofLow, ofHigh] = [high - times * low, low, ofHigh - times * ofLow, ofLow];
  }
  return modulo(ofLow);
}

function modulo(value: bigint): bigint {
  const rest = value % FIELD;
  return rest < 0n ? rest + FIELD : rest;
}
