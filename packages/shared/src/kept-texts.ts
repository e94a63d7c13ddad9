/** Texts that are kept under their hash, compressed: proposals, and the evidence behind decisions. */
import { Proposal } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { pack, unpack } from './pack.ts';
import { keys, RETENTION_S } from './redis-keys.ts';
import type { PackedText } from './write-once.ts';

/** A part of the records. */
export function createKeptTexts(redis: Redis) {
  /** Packs texts, each with its content hash, for whoever stores them with what leads to them. */
  const packProposals = (texts: readonly (readonly [string, Proposal])[]): Promise<PackedText[]> =>
    Promise.all(
      texts.map(async ([hash, text]): Promise<PackedText> => [keys.proposal(hash), await pack(JSON.stringify(text))]),
    );

  return {
    packProposals,

    /** Stores a proposal's text under its content hash, compressed. */
    async putProposal(contentHash: string, proposal: Proposal): Promise<void> {
      const packed = await pack(JSON.stringify(proposal));
      await redis.set(keys.proposal(contentHash), packed, 'EX', RETENTION_S.proposalText);
    },

    /** A proposal by its content hash, or null where it was never stored or has expired. */
    async proposal(contentHash: string): Promise<Proposal | null> {
      const packed = await redis.getBuffer(keys.proposal(contentHash));
      if (packed === null) return null;
      return Proposal.parse(JSON.parse(await unpack(packed)));
    },

    /** Stores the evidence behind a decision under its hash, compressed. `text` is its canonical JSON. */
    async putEvidence(evidenceHash: string, text: string): Promise<void> {
      await redis.set(keys.evidence(evidenceHash), await pack(text), 'EX', RETENTION_S.evidence);
    },

    /** The canonical JSON of an evidence record, or null. */
    async evidence(evidenceHash: string): Promise<string | null> {
      const packed = await redis.getBuffer(keys.evidence(evidenceHash));
      return packed === null ? null : await unpack(packed);
    },
  };
}
