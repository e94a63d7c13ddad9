/**
 * Tells the others, in Redis, who votes with what: the public part of each licence and when its alias ends. It informs them and
 * decides nothing.
 */
import type { Appointments } from '@quorum/shared/appointments';
import type { OwnerId } from '@quorum/shared/ids';
import type { Logger } from '@quorum/shared/log';
import { aliasNotices, type Notice } from '@quorum/shared/notices';
import type { Records } from '@quorum/shared/records';
import type { Hub } from '@quorum/snapshot/hub';
import type { Licence } from './signers.ts';

export type AnnounceDeps = {
  readonly records: Records;
  readonly hub: Hub;
  readonly settings: { readonly aliasValidS: number };
  readonly appointments: Pick<Appointments, 'bringForward'>;
  /** Has owners told, now or later; what is told twice is told once. */
  readonly notify: (notices: readonly Notice[]) => Promise<void>;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
};

const SECOND_MS = 1_000;

/** An alias must outlast a vote by this many seconds. */
export const ALIAS_MARGIN_S = 10 * 60;

/** Announces every licence, and withdraws what an earlier start announced of owners who have none now. */
export async function announceSigners(
  licences: ReadonlyMap<OwnerId, Licence>,
  { records, log }: Pick<AnnounceDeps, 'records' | 'log'>,
): Promise<void> {
  for (const { owner, voter, kind, allowedSpaces, signer } of licences.values()) {
    const floor = { voter, allowed_spaces: [...allowedSpaces] };
    await records.announceSigner(
      owner,
      kind === 'alias' ? { ...floor, kind, alias: signer.address } : { ...floor, kind },
    );
    log.info({ owner, voter, kind, spaces: allowedSpaces.length }, 'signer announced');
  }
  for (const owner of await records.withdrawSigners(new Set(licences.keys()))) {
    log.info({ owner }, 'signer withdrawn');
  }
}

/**
 * Asks the hub how long each alias is good for. Never throws: a hub that is down is asked again by the pre-flight of the next
 * vote, and until then the end is not known.
 */
export async function announceAliasEnds(
  licences: ReadonlyMap<OwnerId, Licence>,
  deps: AnnounceDeps,
  signal: AbortSignal,
): Promise<void> {
  for (const licence of licences.values()) {
    if (licence.kind === 'own_key') continue;
    const { owner, voter, signer } = licence;
    try {
      const alias = await deps.hub.alias({ address: voter, alias: signer.address }, signal);
      if (alias === null) deps.log.warn({ owner, voter, alias: signer.address }, 'alias is not known to the hub');
      else {
        const endS = await announceAliasEnd(licence, alias.created, deps);
        // Also where it is no news: the process may have died before it had this told.
        await deps.notify(aliasNotices(owner, signer.address, endS, deps.now()));
      }
    } catch (error) {
      if (signal.aborted) return;
      deps.log.warn({ err: error, owner }, 'alias cannot be read');
    }
  }
}

/** Announces when the alias ends, if that is news. Returns the end, Unix seconds. */
export async function announceAliasEnd(
  licence: Licence,
  createdS: number,
  deps: Omit<AnnounceDeps, 'hub'>,
): Promise<number> {
  const { owner, signer } = licence;
  const { records, settings, notify, log, now } = deps;
  const endS = createdS + settings.aliasValidS;
  const announced = await records.signer(owner);
  if (announced?.kind === 'alias' && announced.alias_expires_at !== endS) {
    await records.announceAliasEnd(owner, signer.address, endS);
    // Whoever delivers them looks whether this end is still the one that is announced.
    await notify(aliasNotices(owner, signer.address, endS, now()));
    const before = announced.alias_expires_at;
    const nowS = now() / SECOND_MS;
    if ((before === null || before <= nowS + ALIAS_MARGIN_S) && endS > nowS + ALIAS_MARGIN_S)
      await tryAgain(licence, deps);
    log.info({ owner, alias: signer.address, expires_at: endS }, 'alias end announced');
  }
  return endS;
}

/**
 * An alias is good for votes that was not, or was not known: what earlier runs left undone for that need not wait for its
 * appointment. The turn itself is added by the fetcher's watchdog, within a minute.
 */
async function tryAgain(
  { owner, allowedSpaces }: Licence,
  { appointments, log, now }: Omit<AnnounceDeps, 'hub'>,
): Promise<void> {
  for (const space of allowedSpaces) {
    if (!(await appointments.bringForward(owner, space, false, now()))) continue;
    log.info({ owner, space_id: space }, 'appointment brought forward for a new alias');
  }
}
