import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { EON_PUBLIC_KEY } from '../../sandbox/src/sequencer/shutter-keys.ts';
import { openChoice } from '../test/reveal.ts';
import { ProposalId } from './proposal.ts';
import { canSeal, createShutter, EonPublicKey, proveShutter, ShutterError } from './shutter.ts';

const proposal = ProposalId.parse(`0x${'5e'.repeat(32)}`);
const shutter = createShutter(EON_PUBLIC_KEY);

describe('a sealed choice', () => {
  it.for([2, [3, 1, 2], { 1: 30.5, 3: 69.5 }])(
    'of %j decrypts to its JSON with the key of its proposal',
    async (choice) => {
      expect(await openChoice(await shutter.seal(choice, proposal, randomBytes(32)), proposal)).toEqual(choice);
    },
  );

  it('does not decrypt with the key of another proposal', async () => {
    const sealed = await shutter.seal(2, proposal, randomBytes(32));
    const other = ProposalId.parse(`0x${'5f'.repeat(32)}`);
    await expect(openChoice(sealed, other)).rejects.toMatch(/^Error/);
  });

  it('is the same for the same sigma, and another for another', async () => {
    const sigma = randomBytes(32);
    const sealed = await shutter.seal(2, proposal, sigma);
    expect(await createShutter(EON_PUBLIC_KEY).seal(2, proposal, sigma)).toBe(sealed);
    expect(await shutter.seal(2, proposal, randomBytes(32))).not.toBe(sealed);
  });

  it('needs 32 bytes of sigma', async () => {
    await expect(shutter.seal(2, proposal, randomBytes(31))).rejects.toThrow(ShutterError);
  });
});

describe('the key of an eon', () => {
  it('is read as hex of either case', () => {
    expect(EonPublicKey.parse(EON_PUBLIC_KEY.toUpperCase().replace('0X', '0x'))).toBe(EON_PUBLIC_KEY);
  });
  it.for(['', '0x', `0x${'00'.repeat(128)}`, EON_PUBLIC_KEY.slice(2), `${EON_PUBLIC_KEY}00`])('is not %j', (text) => {
    expect(EonPublicKey.safeParse(text).success).toBe(false);
  });
  it('is proven by encrypting with it', async () => {
    await expect(proveShutter(shutter)).resolves.toBeUndefined();
    const offCurve = `${EON_PUBLIC_KEY.slice(0, -2)}ab`;
    await expect(proveShutter(createShutter(offCurve))).rejects.toThrow(/malformed point/);
  });
});

it('takes ids of 32 bytes alone', () => {
  expect(canSeal(proposal)).toBe(true);
  for (const id of ['0x02', 'QmPvbwguLfcVryzBRrbY4Pb9bCtxURagdv1XjhtFLf3wHj', `0x${'5e'.repeat(33)}`]) {
    expect(canSeal(ProposalId.parse(id))).toBe(false);
  }
});
