/**
 * `npm run restore`: puts a backup back. Quorum must not run. The file is verified before anything is changed, Redis changes in one
 * step, and voting is paused for everybody afterwards. docs/operations/backup.md says what to look at before it is resumed.
 *
 *     npm run restore -- FILE                       into a Quorum that has nothing; - reads stdin
 *     npm run restore -- FILE --replace OLD         in place of what is there, of which a backup is made first: file or folder OLD
 */
import { readFileSync } from 'node:fs';
import { createAuditChain, ForgedHeadError } from '@quorum/shared/audit-chain';
import { createRedisCopy, StageError, type RestoredChain, type RestoreTold } from '@quorum/shared/redis-copy';
import { QuorumError } from '@quorum/shared/errors';
import { PREFIXES } from '@quorum/shared/redis-keys';
import { Address } from '@quorum/snapshot/proposal';
import { readSignerEntries } from '@quorum/voter/signer-entry';
import type { Redis } from 'ioredis';
import { unpackBackup, type Backup } from './backup-file.ts';
import { addEvidence, evidenceFolder, preferencesIn, readPreferences, stagePreferences } from './backup-folders.ts';
import { keyWarnings } from './backup-keys.ts';
import { withRedisAlone } from './backup-redis.ts';
import { voterKeys } from './keys-chain.ts';
import { backupFile, countsOf, makeBackup, writeBackup } from './make-backup.ts';
import { OperatorError, readOperator, runCommand, type Operator } from './operator.ts';
import { signersConfigOf } from './operator-signers.ts';
import { pathOf } from './root.ts';
import { parseUsage, wrongUsage } from './subcommand.ts';

const USAGE = 'npm run restore -- FILE|- [--replace OLD]';
const STDIN = 0;

await runCommand(async (args) => {
  const options = { replace: { type: 'string' } } as const;
  const { values, positionals } = parseUsage(USAGE, args, { allowPositionals: true, options });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw wrongUsage(USAGE, 'Name one file.');
  const operator = readOperator();
  const backup = unpackBackup(read(file));
  refuseOtherKind(backup, operator);
  const old = values.replace === undefined ? null : backupFile(values.replace, new Date());
  const notes = await withRedisAlone(operator, (redis) => restore(backup, old, operator, redis));
  say(`✓ Restored the backup of ${backup.manifest.made_at}: ${countsOf(backup)}.`);
  for (const note of [...keyWarnings(backup.manifest.fingerprints, operator), ...notes]) say(`! ${note}`);
  say(
    '! Voting is paused for everybody. What happened since the backup is not known here: keys that were revoked work again, holds that\n' +
      '  were answered wait again, preferences are as they were. Look at them, then POST /voting/resume: docs/operations/backup.md',
  );
});

/** Returns what the operator should know. */
async function restore(backup: Backup, old: string | null, operator: Operator, redis: Redis): Promise<string[]> {
  const copy = createRedisCopy(redis);
  const { owners } = operator.settings.folders;
  const isEmpty = (await copy.isEmpty()) && (await readPreferences(owners)).length === 0;
  if (!isEmpty && old === null) {
    throw new OperatorError(
      `This Quorum has something already.\n→ To put the backup in its place: npm run restore -- FILE --replace OLD   (a backup of it is made first, in OLD)`,
    );
  }
  const notes: string[] = [];
  if (old !== null && !isEmpty) notes.push(await keepOld(old, operator, redis));

  const nowMs = Date.now();
  const told = await toldOf(backup, nowMs, operator, redis);
  if (told === null)
    notes.push('The key of the voter service is not here: the audit chains will not tell of this restore.');
  const staged =
    backup.manifest.preferences === 'file' ? await stagePreferences(owners, backup.preferences, nowMs) : null;
  try {
    await copy.stage(backup.keys);
    await addEvidence(evidenceFolder(operator), backup.evidence);
  } catch (error) {
    await staged?.drop();
    if (!(error instanceof StageError)) throw error;
    const { redis_version: version } = backup.manifest;
    throw new OperatorError(
      `Redis refuses a key of the backup, which Redis ${version} wrote: ${error.message}\n→ Nothing was changed.`,
    );
  }
  await copy.swap(told);
  const former = await staged?.place();
  await copy.finish(backup.manifest.serves);
  if (former !== null && former !== undefined) notes.push(`The preferences of before are in ${former}.`);
  return notes;
}

/** A half restore has no whole state that could be kept; it was kept when that restore began. */
async function keepOld(file: string, operator: Operator, redis: Redis): Promise<string> {
  if (await createRedisCopy(redis).isHalfRestored())
    return 'A restore that did not end was replaced; no backup was made of it.';
  const { bytes } = await makeBackup(operator, redis);
  await writeBackup(file, bytes);
  return `What was there before is in ${file}.`;
}

function refuseOtherKind({ manifest }: Backup, operator: Operator): void {
  const here = operator.live ? 'live' : 'sandbox';
  if (manifest.serves !== null && manifest.serves !== here) {
    throw new OperatorError(
      `The backup is of a Quorum for ${manifest.serves} votes, and your settings are for ${here} ones.`,
    );
  }
  if (manifest.preferences === preferencesIn(operator)) return;
  throw new OperatorError(
    `In the backup preferences are kept in ${manifest.preferences === 'file' ? 'files' : 'Redis'}.\n→ Set PREFERENCES_STORE=${manifest.preferences}, as it was then.`,
  );
}

/** What the audit chains are told; null where nobody can say it in the voter service's name. */
async function toldOf(
  { manifest, keys: copied }: Backup,
  nowMs: number,
  operator: Operator,
  redis: Redis,
): Promise<RestoreTold | null> {
  const ours = voterKeys(operator);
  const [key] = ours;
  if (key === undefined) return null;
  const inBackup = copied.map(({ name }) => name);
  const here = await redis.keys(`${PREFIXES.auditChains}*`);
  const named = [...inBackup, ...here].flatMap((name) =>
    name.startsWith(PREFIXES.auditChains) ? [name.slice(PREFIXES.auditChains.length)] : [],
  );
  const voters = new Set([...named, ...signingVoters(operator)].flatMap((name) => Address.safeParse(name).data ?? []));
  const chain = createAuditChain(redis);
  const isHalf = await createRedisCopy(redis).isHalfRestored();
  const chains = await Promise.all(
    [...voters].map(async (voter): Promise<RestoredChain> => {
      const head = await chain.head(voter, ours).catch((error: unknown) => {
        if (error instanceof ForgedHeadError) return null;
        throw error;
      });
      return { voter, lostHead: head === null || head.seq === 0 || isHalf ? null : head.hash };
    }),
  );
  return { nowMs, backupAtMs: Date.parse(manifest.made_at), chains, key };
}

/** Who may vote by signers.json; nobody where that cannot be read, which the voter service tells when it starts. */
function signingVoters(operator: Operator): readonly string[] {
  try {
    return readSignerEntries(signersConfigOf(operator)).map(({ voter }) => voter);
  } catch (error) {
    if (error instanceof QuorumError) return [];
    throw error;
  }
}

function read(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? STDIN : pathOf(file));
  } catch (error) {
    throw new OperatorError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
