/** The Redis: there, new enough, durable, of the right mode; and what its records say of voting and of who was announced. */
import { createAnnouncements, type SignerAnnouncement } from '@quorum/shared/announcements';
import { keys } from '@quorum/shared/redis-keys';
import { redisFaults } from '@quorum/shared/redis';
import { readVoting } from '@quorum/shared/voting';
import type { OwnerId } from '@quorum/shared/ids';
import type { Address } from '@quorum/snapshot/proposal';
import type { SignerEntry } from '@quorum/voter/signer-entry';
import type { Redis } from 'ioredis';
import { OperatorError, withRedis } from '../operator.ts';
import { checkAudit } from './audit.ts';
import { broken, fine, unchecked, warning, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';
import { checkPreferences } from './preferences.ts';
import { checkWatches } from './watches.ts';

/** What BullMQ asks for. */
const WANTED = [6, 2] as const;

/** Everything about Redis, the preferences of these owners and all watches too. `entries` are those of signers.json. */
export async function checkRedis(
  patient: Patient,
  owners: readonly OwnerId[],
  entries: readonly SignerEntry[],
): Promise<readonly Finding[]> {
  try {
    return await withRedis(patient.operator, async (redis) => [
      await versionFinding(redis),
      ...(await durability(redis, patient)),
      await modeFinding(redis, patient),
      ...(await voting(redis, owners, patient)),
      ...(await checkPreferences(patient, owners, redis)),
      ...(await checkWatches(redis, entries)),
      ...(await checkAudit(patient, entries, redis)),
    ]);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const [says = '', remedy = ''] = error.message.split('\n→ ');
    return [
      broken('redis', says, remedy),
      ...['redis durability', 'redis mode', 'voting', 'preferences'].map((check) =>
        unchecked(check, 'Redis cannot be asked'),
      ),
    ];
  }
}

async function versionFinding(redis: Redis): Promise<Finding> {
  const version = /^redis_version:(\S+)/m.exec(await redis.info('server'))?.[1] ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > WANTED[0] || (major === WANTED[0] && minor >= WANTED[1]))
    return fine('redis', `Redis ${version} answers`);
  const wanted = WANTED.join('.');
  return broken(
    'redis',
    `it is Redis ${version}, and BullMQ wants ${wanted} or newer`,
    `Use Redis ${wanted} or newer.`,
  );
}

async function durability(redis: Redis, { live, voter }: Patient): Promise<Finding[]> {
  const faults = await redisFaults(redis);
  if (faults.length === 0)
    return [fine('redis durability', 'it keeps every write, evicts nothing and asks for a password')];
  const stops = live && voter?.ALLOW_LOSSY_REDIS !== true;
  const add = stops ? ' The voter service does not start with it, unless ALLOW_LOSSY_REDIS=1 accepts the risk.' : '';
  return faults.map(({ what, remedy }) => (stops ? broken : warning)('redis durability', what, `${remedy}${add}`));
}

async function modeFinding(redis: Redis, { live }: Patient): Promise<Finding> {
  const wanted = live ? 'live' : 'sandbox';
  const mode = await redis.get(keys.mode());
  if (mode === null) return fine('redis mode', `it is new, and becomes one of ${wanted} votes with the first start`);
  if (mode === wanted) return fine('redis mode', `it serves ${wanted} votes, as configured`);
  const serves = mode === 'live' ? 'the real Snapshot' : 'the sandbox';
  return broken(
    'redis mode',
    `it serves ${serves}, and ${wanted} votes are configured`,
    'Set REDIS_URL to another Redis: what one mode wrote must not be found by the other.',
  );
}

async function voting(redis: Redis, owners: readonly OwnerId[], { live, operator }: Patient): Promise<Finding[]> {
  return Promise.all(
    owners.map(async (owner) => {
      const enabled = await readVoting(redis, owner);
      if (enabled.global && enabled.owner) return fine('voting', `it is enabled for ${owner}`);
      const whose = enabled.global ? `for ${owner}` : 'for everybody';
      const says = `it is paused ${whose}: decisions are held, and no vote of ${owner} is sent`;
      const resume = 'POST /voting/resume: an admin for all, each owner for themselves (docs/operations/holds.md)';
      if (live) return fine('voting', `${says}. To resume it: ${resume}`);
      const isFirst = owner === operator.settings.owner;
      const remedy = isFirst
        ? 'npm start enables it with the sandbox, as compose’s sandbox profile does.'
        : `Resume it: ${resume}.`;
      return warning('voting', says, remedy);
    }),
  );
}

/** Whether the voter service that runs, or ran last, goes by what signers.json and its key say now. */
export async function checkAnnouncements(
  { operator }: Patient,
  entries: readonly SignerEntry[],
  /** Of those whose key can be opened, its address. */
  addresses: ReadonlyMap<OwnerId, Address>,
): Promise<readonly Finding[]> {
  try {
    return await withRedis(operator, (redis) => {
      const { signer } = createAnnouncements(redis);
      return Promise.all(
        entries.map(async (entry) => announcementFinding(entry, addresses.get(entry.owner), await signer(entry.owner))),
      );
    });
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return [unchecked('announcement', 'Redis cannot be asked')];
  }
}

function announcementFinding(
  { owner, voter, kind, allowedSpaces }: SignerEntry,
  address: Address | undefined,
  there: SignerAnnouncement | null,
): Finding {
  const isSame =
    there?.voter === voter &&
    there.kind === kind &&
    JSON.stringify(there.allowed_spaces.toSorted()) === JSON.stringify(allowedSpaces.toSorted()) &&
    (there.kind === 'own_key' || address === undefined || there.alias === address);
  if (isSame) return fine('announcement', `the voter service goes by the signer of ${owner} as it is`);
  const says =
    there === null
      ? `the voter service has not started since ${owner} got a signer`
      : `the voter service announced another signer of ${owner} than there is now`;
  return warning('announcement', says, 'Start the voter service, or start it anew.');
}
