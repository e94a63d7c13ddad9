/**
 * `npm run setup`: makes the secrets that are missing and prints where they are, never what they are.
 *
 *     npm run setup                              secrets, in .data/secrets or QUORUM_SECRETS_DIR
 *     npm run setup -- --demo                    also a signer for the sandbox, announced to it
 *     npm run setup -- --demo --enable-voting    also enables voting in the Redis of REDIS_URL (and REDIS_PASSWORD_FILE), and
 *                                                stores preferences to begin with
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { OwnerId } from '@quorum/shared/ids';
import { enableVoting } from '@quorum/shared/voting';
import { SpaceId } from '@quorum/snapshot/proposal';
import { Redis } from 'ioredis';
import { ensureDemoSigner } from './demo-signer.ts';
import { demoStore, ensureDemoPreferences } from './demo-preferences.ts';
import { ensureSecrets, ensureSignersFile, readSecret, SECRETS } from './secrets.ts';
import { DEMO_SPACE } from './start-settings.ts';

async function main(): Promise<void> {
  const options = {
    demo: { type: 'boolean', default: false },
    'enable-voting': { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ options });
  const { env } = process;
  const owner = OwnerId.parse(env['OWNER_ID'] || 'owner');
  const dir = path.resolve(env['QUORUM_SECRETS_DIR'] || (values.demo ? '.data/sandbox/secrets' : '.data/secrets'));

  const made = await ensureSecrets({ dir });
  process.stdout.write(
    made.length === 0 ? `Every secret is in ${dir}.\n` : `Made:\n${made.map((file) => `  ${file}\n`).join('')}`,
  );
  process.stdout.write(`The API key is in ${path.join(dir, SECRETS.apiKey)}.\n`);

  if (values.demo) {
    const sequencerUrl = required(env, 'SNAPSHOT_SEQUENCER_URL');
    const hubUrl = required(env, 'SNAPSHOT_HUB_URL');
    await ensureDemoSigner({ dir, owner, space: SpaceId.parse(DEMO_SPACE), sequencerUrl, hubUrl });
    process.stdout.write('The demo signer is known to the sandbox.\n');
  } else {
    await ensureSignersFile({ dir });
  }
  if (values['enable-voting']) {
    // Live, the owner does it: POST /voting/resume.
    if (!values.demo) throw new Error('--enable-voting is for the sandbox: use it with --demo.');
    await prepareOwner(required(env, 'REDIS_URL'), owner);
    process.stdout.write(`Voting is enabled for ${owner}, who has preferences to begin with.\n`);
  }
}

async function prepareOwner(url: string, owner: OwnerId): Promise<void> {
  const target = new URL(url);
  const passwordFile = process.env['REDIS_PASSWORD_FILE'];
  if (passwordFile) target.password = await readSecret(passwordFile);
  const redis = new Redis(target.href, { lazyConnect: true, retryStrategy: (attempt) => (attempt < 20 ? 250 : null) });
  // Each failed attempt is told here; the command below says so if none succeeds.
  redis.on('error', (error) => process.stderr.write(`Redis: ${error.message}\n`));
  try {
    await enableVoting(redis, owner);
    const dir = process.env['PREFERENCES_DIR'] || '.data/sandbox/owners';
    await ensureDemoPreferences(demoStore({ ...process.env, PREFERENCES_DIR: dir }, redis), owner);
  } finally {
    redis.disconnect();
  }
}

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`Set ${name}.`);
  return value;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`✗ ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
