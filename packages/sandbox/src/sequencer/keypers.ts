/**
 * Shutter's keypers: they give out a proposal's key once it is closed. Each choice that the key decrypts takes the place of its
 * ciphertext and counts; what it does not decrypt stays as it is and never counts.
 */
import { getBytes, toUtf8String } from 'ethers';
import { z } from 'zod';
import type { LiveWorld } from '../live-world.ts';
import { WorldError, type WorldProposal } from '../world.ts';
import { decryptionKeyOf } from './shutter-keys.ts';

export type Keypers = {
  /** Gives a closed proposal's key out, once. Rejects with `WorldError` for a proposal that has none to give. */
  release(proposal: WorldProposal): Promise<void>;
  /** Gives out the keys of all closed proposals of which the world says that it happens at the close. */
  releaseDue(): Promise<void>;
};

const Choice = z.union([z.number(), z.array(z.number()), z.record(z.string(), z.number())]);

export function createKeypers(world: LiveWorld): Keypers {
  const decrypt = createDecrypter();

  const release = async (proposal: WorldProposal): Promise<void> => {
    if (proposal.privacy !== 'shutter') throw new WorldError(`proposal ${proposal.id} is not voted on with shutter`);
    if (world.state(proposal) !== 'closed') throw new WorldError(`proposal ${proposal.id} is not closed yet`);
    if (world.shutterReleased(proposal.id)) return;
    const key = proposal.shutter?.decryption_key ?? ownKey(proposal.id);
    const { generation } = world;
    const votes = world.votes.filter((vote) => vote.proposal.toLowerCase() === proposal.id.toLowerCase());
    const opened = await Promise.all(
      votes.map(async (vote) => {
        const choice = typeof vote.choice === 'string' ? await decrypt(vote.choice, key) : null;
        return choice === null ? [] : [{ ...vote, choice }];
      }),
    );
    if (world.generation !== generation) return;
    for (const vote of opened.flat()) world.storeVote(vote);
    world.releaseShutter(proposal.id);
  };

  return {
    release,
    releaseDue: async () => {
      const due = world.proposals.filter(
        (proposal) =>
          proposal.shutter?.release === 'at_close' &&
          world.state(proposal) === 'closed' &&
          !world.shutterReleased(proposal.id),
      );
      await Promise.all(due.map(release));
    },
  };
}

function ownKey(proposal: string): string {
  if (!/^0x(?:[0-9a-fA-F]{2})+$/.test(proposal)) {
    throw new WorldError(`proposal ${proposal} has no key: its id is not 0x and hex digits`);
  }
  return decryptionKeyOf(proposal);
}

type Decrypt = (encrypted: string, key: string) => Promise<z.output<typeof Choice> | null>;

/** The WebAssembly is loaded when the first vote is decrypted: most worlds have none. */
function createDecrypter(): Decrypt {
  const load = async () => {
    const { default: shutter } = await import('@shutter-network/shutter-crypto');
    await shutter.init();
    return shutter;
  };
  let loading: ReturnType<typeof load> | null = null;
  return async (encrypted, key) => {
    loading ??= load();
    const shutter = await loading;
    try {
      const text = toUtf8String(await shutter.decrypt(getBytes(encrypted), getBytes(key)));
      return Choice.parse(JSON.parse(text));
    } catch {
      // Garbage: what was sent is no ciphertext, or not for this key, or holds no choice.
      return null;
    }
  };
}
