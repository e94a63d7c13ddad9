/**
 * `.env` beside this folder, read into the environment for what that leaves open. QUORUM_ENV_FILE names another file (empty:
 * none); it is how tests keep an operator's settings out.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

export function loadEnvFile(): void {
  const file = path.resolve(ROOT, process.env['QUORUM_ENV_FILE'] ?? '.env');
  if (process.env['QUORUM_ENV_FILE'] !== '' && existsSync(file)) process.loadEnvFile(file);
}
