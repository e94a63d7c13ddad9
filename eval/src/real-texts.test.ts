import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aDecision } from '../test/decisions.ts';
import { measureTexts, readTexts } from './real-texts.ts';

const KNOWN = {
  id: '0x01',
  space: { id: 'orchard.eth' },
  title: 'Prune the trees',
  body: 'In spring.',
  choices: ['yes', 'no'],
  type: 'single-choice',
  author: null,
  start: 1_790_000_000,
  end: 1_790_100_000,
  x_note: 'dropped',
};

const NOTHING = { proposals: [], unreadable: 0 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'texts-'));
  const unknown = { ...KNOWN, id: '0x02', choices: null, type: null, start: null, end: null };
  const lines = [KNOWN, unknown, { ...KNOWN, title: null }, { ...KNOWN, type: 'lottery' }].map((each) =>
    JSON.stringify(each),
  );
  await writeFile(path.join(folder, 'a.jsonl'), `${lines.join('\n')}\n\nno json\n`);
  await writeFile(path.join(folder, 'b.jsonl'), JSON.stringify({ ...KNOWN, id: '0x03', space: 'hedge.eth' }));
  await writeFile(path.join(folder, 'README.md'), 'not read');
});
afterAll(() => rm(folder, { recursive: true }));

describe('a folder of real texts', () => {
  it('is read line by line; what is unknown is filled in, what fits nothing is counted', async () => {
    const { proposals, unreadable } = (await readTexts(folder)) ?? NOTHING;
    expect(unreadable).toBe(3);
    expect(proposals.map(({ id, space, type, choices }) => ({ id, space, type, choices }))).toEqual([
      { id: '0x01', space: 'orchard.eth', type: 'single-choice', choices: ['yes', 'no'] },
      { id: '0x02', space: 'orchard.eth', type: 'basic', choices: ['For', 'Against', 'Abstain'] },
      { id: '0x03', space: 'hedge.eth', type: 'single-choice', choices: ['yes', 'no'] },
    ]);
  });

  it('that holds none, or is none, is nothing', async () => {
    const empty = await mkdtemp(path.join(folder, 'empty-'));
    expect([await readTexts(empty), await readTexts(path.join(empty, 'none'))]).toEqual([null, null]);
  });

  it('is counted by what became of each, with the detectors on and off', async () => {
    const decisions = new Map([
      ['0x01', aDecision('For', 'injection', { off: '', signals: ['chat_markup', 'chat_markup', 'hidden_text'] })],
      ['0x02', aDecision('For')],
      ['0x03', aDecision(null, 'disagreement', { signals: ['chat_markup'] })],
    ]);
    const decider = async ({ id }: { id: string }) => decisions.get(id) ?? aDecision('For');
    const report = await measureTexts((await readTexts(folder)) ?? NOTHING, { decider, seed: 1, atOnce: 2 });
    expect(report).toMatchObject({
      proposals: 3,
      unreadable: 3,
      failed: 0,
      coverage: 1 / 3,
      false_escalations: { on: 2, off: 1 },
      escalated_by: { 'held: disagreement': 1, 'held: injection': 1 },
      by_signal: { chat_markup: 2, hidden_text: 1 },
    });
  });
});
