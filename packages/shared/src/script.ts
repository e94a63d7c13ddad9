/** Lua scripts, run by their hash: the text travels once per Redis, not once per call. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, type Redis } from 'ioredis';

export type Script = { readonly lua: string; readonly sha: string };

/** A script with what it is given, and what its reply means: to be run alone, or as a part of a longer one. */
export type Step<T> = {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly (string | number | Buffer)[];
  /** Throws where the reply is none of this script. */
  readonly read: (reply: unknown) => T;
};

/** Reads `lua/<name>.lua`. Throws where the file is missing: an installation without it must not start. */
export function loadScript(name: string): Script {
  return scriptOf(readFileSync(join(import.meta.dirname, 'lua', `${name}.lua`), 'utf8'));
}

/** A script of this text. */
export function scriptOf(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/** A script that calls others: `lua`, in which each of them is a function of the keys and arguments that it has alone. */
export function joinScripts(parts: Readonly<Record<string, Script>>, lua: string): Script {
  const functions = Object.entries(parts).map(
    ([name, part]) => `local function ${name}(KEYS, ARGV)\n${part.lua}\nend\n`,
  );
  return scriptOf(`${functions.join('')}${lua}`);
}

/** Runs a step alone. */
export async function runStep<T>(redis: Redis, { script, keys, args, read }: Step<T>): Promise<T> {
  return read(await runScript(redis, script, keys, args));
}

/** Runs a script. A Redis that does not know it yet (a fresh or restarted one) is given its text. */
export async function runScript(
  redis: Redis,
  script: Script,
  keyNames: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  try {
    const given = [script.sha, keyNames.length, ...keyNames, ...args];
    return await redis.sendCommand(new Evalsha('evalsha', given, { replyEncoding: 'utf8' }));
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis.eval(script.lua, keyNames.length, ...keyNames, ...args);
  }
}

/** The client makes a buffer of every argument where one of them is a buffer. Here what stands between those is put together as text. */
class Evalsha extends Command {
  override toWritable(): string | Buffer {
    const pieces: Buffer[] = [];
    let text = `*${this.args.length + 1}\r\n$7\r\nevalsha\r\n`;
    for (const arg of this.args) {
      if (arg instanceof Buffer) {
        pieces.push(Buffer.from(`${text}$${arg.length}\r\n`), arg);
        text = '\r\n';
      } else {
        text += `$${Buffer.byteLength(String(arg))}\r\n${String(arg)}\r\n`;
      }
    }
    return pieces.length === 0 ? text : Buffer.concat([...pieces, Buffer.from(text)]);
  }
}
