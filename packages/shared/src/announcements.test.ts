import { describe, expect, it } from 'vitest';
import { anAddress, anOwner, aSpace } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { createAnnouncements } from './announcements.ts';
import { keys } from './redis-keys.ts';

const { redis } = useRedis();
const announcements = () => createAnnouncements(redis());

describe('of an owner', () => {
  it('the signer is announced, anew each time', async () => {
    const owner = anOwner();
    expect(await announcements().signer(owner)).toBeNull();
    const own = { voter: anAddress(), kind: 'own_key', allowed_spaces: [aSpace()] } as const;
    await announcements().announceSigner(owner, { ...own, allowed_spaces: [] });
    await announcements().announceSigner(owner, { ...own, allowed_spaces: [...own.allowed_spaces] });
    expect(await announcements().signer(owner)).toEqual(own);
    await redis().hset(keys.signers(), owner, '{"voter":"0x1"}');
    await expect(announcements().signer(owner)).rejects.toThrow();
  });

  it('the end of the alias is announced, which is not that of the alias before it', async () => {
    const owner = anOwner();
    const [alias, next] = [anAddress(), anAddress()];
    const signer = { voter: anAddress(), kind: 'alias', alias, allowed_spaces: [aSpace()] } as const;
    const announce = (by: typeof alias) =>
      announcements().announceSigner(owner, { ...signer, alias: by, allowed_spaces: [...signer.allowed_spaces] });
    await announce(alias);
    expect(await announcements().signer(owner)).toEqual({ ...signer, alias_expires_at: null });
    await announcements().announceAliasEnd(owner, alias, 1_800_000_000);
    expect(await announcements().signer(owner)).toEqual({ ...signer, alias_expires_at: 1_800_000_000 });
    await announce(next);
    expect(await announcements().signer(owner)).toEqual({ ...signer, alias: next, alias_expires_at: null });
  });

  it('who votes no longer is announced no longer, whatever is said of the alias later', async () => {
    const [stays, goes] = [anOwner(), anOwner()];
    const signer = { voter: anAddress(), kind: 'alias', alias: anAddress(), allowed_spaces: [aSpace()] } as const;
    for (const owner of [stays, goes]) {
      await announcements().announceSigner(owner, { ...signer, allowed_spaces: [...signer.allowed_spaces] });
      await announcements().announceAliasEnd(owner, signer.alias, 1_800_000_000);
    }
    const before = await announcements().withdrawSigners(new Set([stays]));
    expect(before).toContain(goes);
    await announcements().announceAliasEnd(goes, signer.alias, 1_900_000_000);
    expect(await announcements().signer(goes)).toBeNull();
    expect(await announcements().signer(stays)).toMatchObject({ alias_expires_at: 1_800_000_000 });
    expect(await announcements().withdrawSigners(new Set([stays]))).toEqual([]);
    expect(await redis().hkeys(keys.signers())).not.toContain(expect.stringContaining(goes));
  });

  it('one who read it before is told what was announced since', async () => {
    const owner = anOwner();
    const [reader, signer] = [announcements(), { voter: anAddress(), kind: 'own_key', allowed_spaces: [] } as const];
    const tell = () => reader.signersOf([owner]);
    await reader.announceSigner(owner, { ...signer, allowed_spaces: [] });
    expect([await reader.signer(owner), ...(await tell())]).toEqual([signer, signer]);
    const other = { ...signer, allowed_spaces: [aSpace()] };
    await announcements().announceSigner(owner, other);
    expect([await reader.signer(owner), ...(await tell())]).toEqual([other, other]);
    await announcements().withdrawSigners(new Set());
    expect([await reader.signer(owner), ...(await tell())]).toEqual([null, null]);
    await redis().hset(keys.signers(), owner, '{}');
    await expect(reader.signer(owner)).rejects.toThrow();
    await announcements().announceSigner(owner, other);
    expect(await reader.signer(owner)).toEqual(other);
  });
});
