/**
 * Proposals that people really wrote, from a folder of the operator's: files of one JSON object a line, in the hub's field names,
 * null for what is unknown. They are read and run, and never kept. How many of them are held as if they had been attacks?
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Proposal } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import type { RunOptions } from './corpus-run.ts';
import { mapSome } from './in-turns.ts';
import type { TextsReport } from './report.ts';
import { rateOf, wilson } from './statistics.ts';
import { countBy, isFalseAlarm } from './summary.ts';

const Line = z.object({
  id: z.string(),
  space: z.union([z.string(), z.object({ id: z.string() }).transform(({ id }) => id)]),
  title: z.string(),
  body: z.string(),
  choices: z.array(z.string()).min(1).nullish(),
  type: z.string().nullish(),
  author: z.string().nullish(),
  start: z.int().nullish(),
  end: z.int().nullish(),
});

/** What a proposal without choices is voted on by: as Snapshot's basic voting has it. */
const BASIC = ['For', 'Against', 'Abstain'];
const UNKNOWN_AUTHOR = '0x1111111111111111111111111111111111111111';
const OWNER = { voting_strategy: 'balanced' } as const;

export type RealTexts = { readonly proposals: readonly Proposal[]; readonly unreadable: number };

/** Reads every `*.jsonl` of a folder; null where there is none. */
export async function readTexts(folder: string): Promise<RealTexts | null> {
  const names = await namesIn(folder);
  if (names.length === 0) return null;
  const files = await Promise.all(names.map((name) => readFile(path.join(folder, name), 'utf8')));
  const lines = files.flatMap((file) => file.split('\n')).filter((line) => line.trim() !== '');
  const read = lines.map(readLine);
  const proposals = read.filter((proposal) => proposal !== null);
  return { proposals, unreadable: read.length - proposals.length };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.jsonl')).toSorted();
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code))) return [];
    throw error;
  }
}

function readLine(line: string): Proposal | null {
  const parsed = Line.safeParse(jsonOf(line));
  if (!parsed.success) return null;
  const { id, space, title, body, choices, type, author, start, end } = parsed.data;
  const proposal = Proposal.safeParse({
    id,
    space,
    title,
    body,
    author: author ?? UNKNOWN_AUTHOR,
    type: choices ? (type ?? 'single-choice') : 'basic',
    choices: choices ?? BASIC,
    start: start ?? 0,
    end: end ?? 0,
    network: '1',
    privacy: '',
    discussion: '',
    plugins: {},
    strategies: [],
    snapshot: '1',
    created: start ?? 0,
    state: 'active',
    quorum: 0,
    quorum_type: 'default',
    scores: [],
    scores_total: 0,
    scores_state: 'pending',
    votes: 0,
    flagged: false,
    link: '',
  });
  return proposal.success ? proposal.data : null;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

export async function measureTexts(texts: RealTexts, { decider, atOnce }: RunOptions): Promise<TextsReport> {
  const { proposals, unreadable } = texts;
  const decided = await mapSome(proposals, atOnce, (proposal) => decider(proposal, OWNER));
  const all = decided.length;
  const alarms = {
    on: decided.filter((each) => isFalseAlarm(each, 'on')).length,
    off: decided.filter((each) => isFalseAlarm(each, 'off')).length,
  };
  return {
    proposals: all,
    unreadable,
    failed: decided.filter(({ outcomes }) => outcomes.on.kind === 'failed').length,
    coverage: rateOf(decided.filter(({ outcomes }) => outcomes.on.kind === 'cast').length, all),
    false_escalations: alarms,
    false_escalation_rate: { on: rateOf(alarms.on, all), off: rateOf(alarms.off, all) },
    false_escalations_ci: { on: wilson(alarms.on, all), off: wilson(alarms.off, all) },
    escalated_by: countBy(
      decided.map(({ outcomes }) => outcomes.on).filter(({ kind }) => kind !== 'cast'),
      ({ kind, why }) => `${kind}: ${why}`,
    ),
    by_signal: countBy(
      decided.flatMap(({ signals }) => [...new Set(signals)]),
      (signal) => signal,
    ),
  };
}
