/** Lua scripts, run by their hash: the text travels once per Redis, not once per call. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';

export type Script = { readonly lua: string; readonly sha: string };

/** Reads `lua/<name>.lua`. Throws where the file is missing: an installation without it must not start. */
export function loadScript(name: string): Script {
  const lua = readFileSync(join(import.meta.dirname, 'lua', `${name}.lua`), 'utf8');
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/** Runs a script. A Redis that does not know it yet (a fresh or restarted one) is given its text. */
export async function runScript(
  redis: Redis,
  script: Script,
  keyNames: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  try {
    return await redis.evalsha(script.sha, keyNames.length, ...keyNames, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis.eval(script.lua, keyNames.length, ...keyNames, ...args);
  }
}
