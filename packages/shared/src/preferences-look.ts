/** Whether preferences can be read and written where they are kept: what the heartbeat says of them. Never what they say. */
import { constants } from 'node:fs';
import { access, opendir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import type { PreferencesConfig } from './config.ts';
import type { PartState } from './heartbeat.ts';

type Config = Pick<z.infer<typeof PreferencesConfig>, 'PREFERENCES_STORE' | 'PREFERENCES_DIR'>;

const FINE: PartState = { status: 'ok', detail: null };

/** Looks at the folder; what is kept in Redis can be read and written as long as heartbeats can. */
export async function lookAtPreferences({ PREFERENCES_STORE, PREFERENCES_DIR }: Config): Promise<PartState> {
  if (PREFERENCES_STORE === 'redis') return FINE;
  try {
    // It is made with the first that are saved.
    const folder = await standing(path.resolve(PREFERENCES_DIR));
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    await (await opendir(folder)).close();
    return FINE;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    return { status: 'down', detail: `their folder cannot be read and written${code}: every run is a dry run` };
  }
}

/** The folder, or the one above that is there. */
async function standing(folder: string): Promise<string> {
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  );
  const above = path.dirname(folder);
  return isThere || above === folder ? folder : standing(above);
}
