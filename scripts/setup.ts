/**
 * `npm run setup`: makes the secrets that are missing and prints where they are, never what they are. It changes nothing that is
 * there: what is wrong with it, a mode that lets others read it first of all, is told with what mends it, and ends it with 1.
 *
 *     npm run setup                              secrets where `npm start` looks for them, or in QUORUM_SECRETS_DIR
 *     npm run setup -- --demo                    also a signer for the sandbox, announced to it
 *     npm run setup -- --demo --enable-voting    also enables voting in the Redis of the Quorum that runs, and stores preferences to
 *                                                begin with
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { enableVoting } from '@quorum/shared/voting';
import { SpaceId } from '@quorum/snapshot/proposal';
import { ensureDemoSigner } from './demo-signer.ts';
import { demoStore, ensureDemoPreferences } from './demo-preferences.ts';
import { OperatorError, readOperator, runCommand, withRedis, type Operator } from './operator.ts';
import { ensureSecrets, ensureSignersFile, SECRETS } from './secrets.ts';
import { DEMO_SPACE } from './start-settings.ts';
import { parseUsage } from './subcommand.ts';

await runCommand(async (args) => {
  const options = {
    demo: { type: 'boolean', default: false },
    'enable-voting': { type: 'boolean', default: false },
  } as const;
  const { values } = parseUsage('npm run setup -- [--demo [--enable-voting]]', args, { options });
  // Live, the owner does it: POST /voting/resume.
  if (values['enable-voting'] && !values.demo) {
    throw new OperatorError('--enable-voting is for the sandbox: use it with --demo.');
  }
  const operator = readOperator();
  await makeSecrets(operator);
  if (values.demo) await makeDemo(operator);
  else await ensureSignersFile({ dir: operator.secrets });
  if (values['enable-voting']) {
    const { owner, folders } = operator.settings;
    await withRedis(operator, async (redis) => {
      await enableVoting(redis, owner);
      const store = demoStore({ ...operator.env, PREFERENCES_DIR: folders.owners }, operator.secrets, redis);
      await ensureDemoPreferences(store, owner);
    });
    process.stdout.write(`Voting is enabled for ${owner}, who has preferences to begin with.\n`);
  }
});

async function makeSecrets({ secrets: dir, live, settings }: Operator): Promise<void> {
  const made = await ensureSecrets({ dir });
  process.stdout.write(
    made.length === 0 ? `Every secret is in ${dir}.\n` : `Made:\n${made.map((file) => `  ${file}\n`).join('')}`,
  );
  tellNewKey(made, { dir, redis: settings.folders.redis });
  if (dir === settings.folders.secrets) {
    process.stdout.write(`They are for ${live ? 'the live Snapshot of your settings' : 'the sandbox'}.\n`);
  }
  process.stdout.write(`The API key of the first admin is in ${path.join(dir, SECRETS.apiKey)}.\n`);
}

/** A new key of the voter service, where something says that there was one before. */
function tellNewKey(made: readonly string[], { dir, redis }: { readonly dir: string; readonly redis: string }): void {
  const file = path.join(dir, SECRETS.voterMacKey);
  const isFirst = made.length === Object.keys(SECRETS).length && !existsSync(redis);
  if (!made.includes(file) || isFirst || existsSync(`${file}.previous`)) return;
  process.stdout.write(
    `! ${file} is new. If you have the one of before, put it back in its place, and do not start with this one: nothing is voted\n` +
      '  behind an audit chain of the old key until that is ended by hand, and votes of before count as the owner’s own\n' +
      '  (docs/operations/secrets.md).\n',
  );
}

async function makeDemo({ settings, secrets: dir }: Operator): Promise<void> {
  const { snapshot, owner } = settings;
  if (snapshot.kind === 'sandbox') {
    throw new OperatorError('--demo is told to the sandbox: set its SNAPSHOT_HUB_URL and SNAPSHOT_SEQUENCER_URL.');
  }
  const urls = { hubUrl: snapshot.hub, sequencerUrl: snapshot.sequencer };
  await ensureDemoSigner({ dir, owner, space: SpaceId.parse(DEMO_SPACE), ...urls });
  process.stdout.write('The demo signer is known to the sandbox.\n');
}
