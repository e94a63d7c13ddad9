/** One message, signed in two ways and sent twice at once: neither is seen as the other, and only one is taken. */
import { Signature, Wallet } from 'ethers';
import { expect, test } from 'vitest';
import { call } from '../../test/client.ts';
import { signAlias } from '../../test/envelopes.ts';
import { NOW, smallWorld } from '../../test/small-world.ts';
import { startSandbox } from '../start-sandbox.ts';

test('the same alias in two signatures at once: one is a duplicate', async () => {
  const sandbox = await startSandbox({ world: smallWorld() });
  try {
    const envelope = await signAlias(Wallet.createRandom(), Wallet.createRandom().address, NOW);
    const compact = { ...envelope, sig: Signature.from(envelope.sig).compactSerialized };
    const answers = await Promise.all([envelope, compact].map((body) => call('POST', sandbox.url, body)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 400]));
    expect(answers.find(({ status }) => status === 400)?.body).toMatchObject({
      error_description: 'duplicate message',
    });
    expect(sandbox.world.messages).toHaveLength(1);
  } finally {
    await sandbox.close();
  }
});
