/** Whether there is somebody to sign: what the heartbeat says of signers. Numbers, no owners. */
import type { PartState } from '@quorum/shared/heartbeat';
import type { OwnerId } from '@quorum/shared/ids';
import type { Records } from '@quorum/shared/records';
import { ALIAS_MARGIN_S } from './announce.ts';
import type { Licence } from './signers.ts';

const SECOND_MS = 1_000;
const SOON_S = 7 * 24 * 60 * 60;

export type SignerLookDeps = {
  readonly records: Pick<Records, 'signersOf'>;
  /** Unix milliseconds. */
  readonly now: () => number;
};

/** Looks at what is announced of each signer that this process holds. */
export async function lookAtSigners(
  licences: ReadonlyMap<OwnerId, Pick<Licence, 'owner' | 'kind'>>,
  { records, now }: SignerLookDeps,
): Promise<PartState> {
  if (licences.size === 0) return { status: 'down', detail: 'there is none: every run is a dry run' };
  const held = [...licences.values()];
  const announcements = await records.signersOf(held.map(({ owner }) => owner));
  const states = held.map(({ kind }, at) => {
    const announced = announcements[at];
    if (announced?.kind !== kind) return 'unannounced';
    if (announced.kind === 'own_key') return 'good';
    if (announced.alias_expires_at === null) return 'unknown';
    const leftS = announced.alias_expires_at - now() / SECOND_MS;
    if (leftS <= ALIAS_MARGIN_S) return 'ended';
    return leftS <= SOON_S ? 'ending' : 'good';
  });
  const count = (which: (typeof states)[number]): number => states.filter((state) => state === which).length;
  const says = (which: (typeof states)[number], what: string): string[] =>
    count(which) === 0 ? [] : [`of ${count(which)} of ${states.length} ${what}`];
  const detail = [
    ...says('unannounced', 'nothing is announced'),
    ...says('ended', 'the alias has ended'),
    ...says('unknown', 'the hub has not said how long the alias is good'),
    ...says('ending', 'the alias ends within 7 days'),
  ].join(', ');
  if (detail === '') return { status: 'ok', detail: null };
  const useless = count('ended') + count('unannounced');
  return { status: useless === states.length ? 'down' : 'degraded', detail };
}
