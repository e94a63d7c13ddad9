/** The signers and the Snapshot of the Quorum that an operator's command is about: as `npm start` and compose hand them out. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseConfig } from '@quorum/shared/config';
import { SINGLE_OWNER_VARIABLES } from '@quorum/voter/signer-entry';
import { SignersConfig } from '@quorum/voter/signers-config';
import type { Operator } from './operator.ts';
import { SIGNERS_FILE } from './secrets.ts';
import { SANDBOX_URL_FILE } from './services.ts';

/** Where the sandbox listens unless another program has its port. */
const SANDBOX_URL = 'http://127.0.0.1:4010';

/** Who may vote with what. Throws a `ValidationError` that names each setting that is wrong. */
export function signersConfigOf({ env, live, secrets }: Operator): SignersConfig {
  const { OWNER_ID, ALLOW_MAIN_KEY } = env;
  // The sandbox has a signer of its own for this owner.
  const single = live ? SINGLE_OWNER_VARIABLES.map((name): [string, string | undefined] => [name, env[name]]) : [];
  const given = { OWNER_ID, ALLOW_MAIN_KEY, ...Object.fromEntries(single) };
  return parseConfig(SignersConfig, { ...given, SIGNERS_FILE: path.join(secrets, SIGNERS_FILE) });
}

/** The sandbox's URL, as the `npm start` that runs, or ran last, wrote it down. */
export async function sandboxUrlOf({ settings }: Operator): Promise<string> {
  const text = await readFile(path.join(settings.folders.run, SANDBOX_URL_FILE), 'utf8').catch(() => '');
  return URL.canParse(text) ? text : SANDBOX_URL;
}

/** Addresses of hub and sequencer. */
export async function snapshotOf(operator: Operator): Promise<{ readonly hub: string; readonly sequencer: string }> {
  const { snapshot } = operator.settings;
  if (snapshot.kind === 'given') return snapshot;
  const url = (await sandboxUrlOf(operator)).replace(/\/$/, '');
  return { hub: `${url}/graphql`, sequencer: `${url}/` };
}
