/** What a script is given arrives as it was given, whatever it is made of. */
import { expect, test } from 'vitest';
import { useRedis } from '../test/world.ts';
import { runScript, scriptOf } from './script.ts';

const KEEP = scriptOf(`
  for at, value in ipairs(ARGV) do redis.call('RPUSH', KEYS[1], value) end
  return { KEYS[1], KEYS[2], #KEYS, #ARGV }
`);
const { redis } = useRedis();

const BYTES = Buffer.from([0, 255, 13, 10, 36, 128]);

test.each([
  ['nothing', []],
  ['texts and numbers', ['a', '', 'ü ∞ 🙂', '\r\n$1\r\n', 7, 1.5, -1]],
  ['bytes', [BYTES]],
  ['bytes among texts', ['ü', BYTES, '', Buffer.alloc(0), 7, BYTES]],
])('%s', async (what, args) => {
  const [list, other] = [`list ü of ${what}`, 'other'];
  // The first time Redis has to be given its text.
  for (const times of [1, 2]) {
    expect(await runScript(redis(), KEEP, [list, other], args)).toEqual([list, other, 2, args.length]);
    const kept = await redis().lrangeBuffer(list, -args.length || 1, -1);
    expect(kept).toEqual(args.map((arg) => (arg instanceof Buffer ? arg : Buffer.from(String(arg)))));
    expect(await redis().llen(list)).toBe(times * args.length);
  }
});

test('a reply is text, and a fault of the script is thrown as it is', async () => {
  expect(await runScript(redis(), scriptOf("return { 'ü', 1, { ARGV[1] } }"), [], ['∞'])).toEqual(['ü', 1, ['∞']]);
  await expect(runScript(redis(), scriptOf("return redis.error_reply('ODD it is')"), [], [])).rejects.toThrow(
    'ODD it is',
  );
});
