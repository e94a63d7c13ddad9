/**
 * What the voter service announces in Redis of each owner's signer, for fetcher, gateway and doctor to tell. It informs them and
 * decides nothing: `signers.json` does.
 *
 * One hash: `<owner>` is who votes with what, `<owner>:alias-end` when the alias ends, as the hub last said. And a set for each voter:
 * the owners for whom it votes, or ever did. What is kept of a voter, the audit chain, may tell of any of them.
 */
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { OwnerId } from './ids.ts';
import { keys } from './redis-keys.ts';

const floor = { voter: Address, allowed_spaces: z.array(SpaceId) };
const AnnouncedSigner = z.discriminatedUnion('kind', [
  z.object({ ...floor, kind: z.literal('own_key') }),
  z.object({ ...floor, kind: z.literal('alias'), alias: Address }),
]);
type AnnouncedSigner = z.infer<typeof AnnouncedSigner>;

/** It names its alias, since another may be announced meanwhile. */
const AliasEnd = z.object({ alias: Address, expires_at: z.int().describe('Unix seconds') });
type AliasEnd = z.infer<typeof AliasEnd>;

/** The public part of an owner's signer. */
export type SignerAnnouncement =
  | Extract<AnnouncedSigner, { kind: 'own_key' }>
  /** `alias_expires_at`: Unix seconds; null until the hub has named an end. */
  | (Extract<AnnouncedSigner, { kind: 'alias' }> & { readonly alias_expires_at: number | null });

/** No owner's name has a colon in it. */
const aliasEndField = (owner: OwnerId): string => `${owner}:alias-end`;

/** The announcements on one Redis. One that does not parse is an error, never a guess. */
export function createAnnouncements(redis: Redis) {
  // Every run asks, and an owner may have thousands of spaces: what says the same as before is not read anew.
  const before = new Map<OwnerId, { readonly announced: string; readonly signer: AnnouncedSigner }>();

  function parseSigner(
    owner: OwnerId,
    announced: string | null | undefined,
    said: string | null | undefined,
  ): SignerAnnouncement | null {
    if (announced === null || announced === undefined) {
      before.delete(owner);
      return null;
    }
    const known = before.get(owner);
    const signer = known?.announced === announced ? known.signer : AnnouncedSigner.parse(JSON.parse(announced));
    before.set(owner, { announced, signer });
    if (signer.kind === 'own_key') return signer;
    const end = said === null || said === undefined ? null : AliasEnd.parse(JSON.parse(said));
    return { ...signer, alias_expires_at: end?.alias === signer.alias ? end.expires_at : null };
  }

  return {
    async announceSigner(owner: OwnerId, signer: AnnouncedSigner): Promise<void> {
      // First: an owner who can be found to have this voter is among its owners.
      await redis.sadd(keys.voterOwners(signer.voter), owner);
      await redis.hset(keys.signers(), owner, JSON.stringify(signer));
    },

    /** Announces when an owner's alias ends. About an owner whose signer is not announced nobody reads it. */
    async announceAliasEnd(owner: OwnerId, alias: Address, expiresAtS: number): Promise<void> {
      const end: AliasEnd = { alias, expires_at: expiresAtS };
      await redis.hset(keys.signers(), aliasEndField(owner), JSON.stringify(end));
    },

    /** Takes back what is announced of all but these owners. Returns the names of those it was announced of. */
    async withdrawSigners(but: ReadonlySet<OwnerId>): Promise<string[]> {
      const staying = new Set([...but].flatMap((owner) => [owner, aliasEndField(owner)]));
      const gone = (await redis.hkeys(keys.signers())).filter((field) => !staying.has(field));
      if (gone.length > 0) await redis.hdel(keys.signers(), ...gone);
      return gone.filter((field) => !field.includes(':'));
    },

    /** Whether this voter was ever announced for somebody else than this owner, be it for other spaces. */
    async isShared(voter: Address, owner: OwnerId): Promise<boolean> {
      return (await redis.smembers(keys.voterOwners(voter))).some((one) => one !== owner);
    },

    /** The owners of whom a signer is announced. */
    async announcedOwners(): Promise<OwnerId[]> {
      return (await redis.hkeys(keys.signers())).flatMap((field) => OwnerId.safeParse(field).data ?? []);
    },

    async signer(owner: OwnerId): Promise<SignerAnnouncement | null> {
      const [announced, said] = await redis.hmget(keys.signers(), owner, aliasEndField(owner));
      return parseSigner(owner, announced, said);
    },

    /** What is announced of each of these owners, in their order, by one question. */
    async signersOf(owners: readonly OwnerId[]): Promise<(SignerAnnouncement | null)[]> {
      if (owners.length === 0) return [];
      const found = await redis.hmget(keys.signers(), ...owners.flatMap((owner) => [owner, aliasEndField(owner)]));
      return owners.map((owner, at) => parseSigner(owner, found[2 * at], found[2 * at + 1]));
    },
  };
}
