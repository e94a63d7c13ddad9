import { Wallet } from 'ethers';
import { describe, expect, it } from 'vitest';
import { recorded } from '../test/recorded.ts';
import { anAddress } from '../test/samples.ts';
import { AliasEnvelope, Envelope } from './envelope.ts';
import { checkReceipt, Receipt } from './receipt.ts';

function exchange(name: string): { envelope: Envelope; receipt: Receipt } {
  const { request, response } = recorded(name);
  return { envelope: Envelope.parse(request.body), receipt: Receipt.parse(response.body) };
}

describe('a receipt', () => {
  it.for([
    'vote-single-choice',
    'vote-approval',
    'vote-ranked-choice',
    'vote-copeland',
    'vote-weighted-fractional',
    'vote-quadratic',
    'vote-reason-unicode',
    'vote-shutter-weighted-encrypted',
    'alias-vote-after-renewal',
  ])('of the real sequencer for %s is good', (name) => {
    const { envelope, receipt } = exchange(name);
    expect(checkReceipt(receipt, envelope)).toEqual({ ok: true });
    expect(checkReceipt(receipt, envelope, receipt.relayer.address)).toEqual({ ok: true });
  });

  it('for an alias is good', () => {
    const { request, response } = recorded('alias-set');
    expect(checkReceipt(Receipt.parse(response.body), AliasEnvelope.parse(request.body))).toEqual({ ok: true });
  });

  it('is refused once anything in it or in the envelope was altered', async () => {
    const { envelope, receipt } = exchange('vote-single-choice');
    const other = exchange('vote-approval');
    const message = { ...envelope.data.message, choice: 3 };
    const forger = Wallet.createRandom();
    const forged = await forger.signMessage(envelope.sig);
    const relayer = receipt.relayer;
    const altered: [Receipt, Envelope][] = [
      [{ ...receipt, id: other.receipt.id }, envelope],
      [{ ...receipt, relayer: { ...relayer, address: anAddress() } }, envelope],
      [{ ...receipt, relayer: { ...relayer, receipt: forged } }, envelope],
      [{ ...receipt, relayer: { ...relayer, receipt: other.receipt.relayer.receipt } }, envelope],
      [{ ...receipt, relayer: { ...relayer, receipt: '0x' } }, envelope],
      [receipt, { ...envelope, data: { ...envelope.data, message } }],
      [receipt, { ...envelope, sig: other.envelope.sig }],
      [receipt, other.envelope],
    ];
    for (const [badReceipt, badEnvelope] of altered) {
      expect(checkReceipt(badReceipt, badEnvelope)).toEqual({ ok: false, why: expect.any(String) });
    }
  });

  it('by a relayer that is not the one we know is refused, however well signed', async () => {
    const { envelope, receipt } = exchange('vote-single-choice');
    expect(checkReceipt(receipt, envelope, anAddress())).toEqual({
      ok: false,
      why: expect.stringContaining('not by the relayer'),
    });
  });
});
