/** That the split flow, where it is to keep records, does so at each of its places; how fast is nobody's business here. */
import { expect, it } from 'vitest';
import { useRedis } from '../packages/shared/test/world.ts';
import { splitRecords } from './split-flow/records.ts';

const { redis, server } = useRedis();

it('keeps a field at each place, an event of each, and the texts beside them', async () => {
  const records = splitRecords(server().url, (error) => expect.fail(error.message));
  await records.accepted('one');
  await records.opening('one');
  await records.opened('one');
  await records.deciding('one', 'first');
  await records.decided('one', 'first');
  await records.settled('one', 'first');
  await records.ended('one');
  records.close();
  const kept = ['request', 'started', 'opening', 'deciding', 'held', 'spent', 'decision', 'outcome', 'response'];
  const fields = await redis().hgetall('split:run:one');
  expect(new Set(Object.keys(fields).map((name) => name.split(':')[0]))).toEqual(new Set(kept));
  expect(Object.keys(fields)).toHaveLength(kept.length);
  expect(Object.values(fields).every((words) => words.length > 0)).toBe(true);
  expect(await redis().xlen('split:run:one:events')).toBe(kept.length);
  const powers = ['power:1', 'power:2', 'power:3'];
  const beside = ['text0', 'text1', 'text2', 'lease', 'first:evidence', 'first:answers', ...powers];
  expect(await redis().exists(beside.map((name) => `split:run:one:${name}`))).toBe(beside.length);
});
