/**
 * `npm run backup`: keeps what Quorum has in Redis, the owners' preferences and the archive of evidence, in one file. The services
 * may run meanwhile, and Redis is read at one moment. Secrets are not in it: docs/operations/backup.md says what to keep besides.
 *
 *     npm run backup -- FILE        into this file, which must not be there yet
 *     npm run backup -- DIR         into this folder, in a file named by the time
 *     npm run -s backup -- -        to stdout
 */
import { makeBackup, backupFile, writeBackup } from './make-backup.ts';
import { withRedisToRead } from './backup-redis.ts';
import { readOperator, runCommand } from './operator.ts';
import { parseUsage, wrongUsage } from './subcommand.ts';

const USAGE = 'npm run backup -- FILE|DIR|-';

await runCommand(async (args) => {
  const { positionals } = parseUsage(USAGE, args, { allowPositionals: true, options: {} });
  const [target, ...more] = positionals;
  if (target === undefined || more.length > 0) throw wrongUsage(USAGE, 'Name one file or folder.');
  const operator = readOperator();
  const file = target === '-' ? null : backupFile(target, new Date());
  const { bytes, counts, blockedMs } = await withRedisToRead(operator, (redis) => makeBackup(operator, redis));
  if (file === null) await toStdout(bytes);
  else await writeBackup(file, bytes);
  const megabytes = (bytes.length / 1e6).toFixed(1);
  process.stderr.write(
    `✓ ${file ?? 'Written to stdout'}: ${counts}; ${megabytes} MB. Redis was read in ${Math.round(blockedMs)} ms.\n` +
      `! Secrets are not in it. Keep ${operator.secrets} by other means, apart from it.\n`,
  );
});

function toStdout(bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
