/** A writer may be killed at any moment: what is then there is the old or the new file, whole. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { ownerFolder } from '../src/owner-folder.ts';
import { textOf } from './preferences-writer.ts';
import { run } from './process.ts';
import { anOwner } from './samples.ts';

const WRITER = join(import.meta.dirname, 'preferences-writer.ts');
/** At the same time, each with an owner of its own. */
const LANES = 4;
/** A little longer than one writing takes, so that the kills fall everywhere in it. */
const LONGEST_LIFE_MS = 12;

/** Which text this is. Throws where it is none, or a part of one. */
function numberIn(bytes: Buffer): number {
  const n = Number(/"instructions":"(\d+)"/.exec(bytes.toString())?.[1]);
  expect(bytes.equals(textOf(n))).toBe(true);
  return n;
}

/** Kills writers, and looks each time at what is there. Returns how many were killed between having written and saying so. */
export async function killWriters(dir: string, kills: number): Promise<number> {
  const lanes = await Promise.all(Array.from({ length: LANES }, () => lane(dir, kills / LANES)));
  return lanes.reduce((sum, { onTheWay }) => sum + onTheWay, 0);
}

async function lane(dir: string, kills: number): Promise<{ onTheWay: number }> {
  const owner = anOwner();
  const folder = ownerFolder(dir, owner);
  let stands = 0;
  let onTheWay = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const writer = run(WRITER, ['folder', dir, owner, String(stands + 1)]);
    // Some are killed over the first file that they write, which all others left behind.
    if (kill % 2 === 0) await writer.next();
    await pause(Math.random() * LONGEST_LIFE_MS);
    writer.kill();
    const { lines, errors } = await writer.ended;
    expect(errors).toBe('');
    const told = Number(lines.at(-1) ?? stands);

    const now = folder.read();
    const found = now.kind === 'text' ? numberIn(now.bytes) : 0;
    // What was told to be done is done, and nothing but the next may have been.
    expect([told, told + 1]).toContain(found);
    if (found !== told) onTheWay += 1;
    const last = folder.readLastGood();
    expect([found, found - 1]).toContain(last.kind === 'text' ? numberIn(last.bytes) : 0);
    stands = found;
  }
  // What killed writers leave behind does not add up.
  const left = await readdir(join(dir, owner));
  expect(left.length).toBeLessThanOrEqual(4);
  for (const name of left) expect((await stat(join(dir, owner, name))).mode & 0o077).toBe(0);
  expect((await stat(join(dir, owner))).mode & 0o777).toBe(0o700);
  return { onTheWay };
}
