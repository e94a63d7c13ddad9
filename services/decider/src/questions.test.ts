/** All that is asked for one decision: what of it waits for what, what it may cost, and what of it is used again. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freely } from '../test/asking.ts';
import { decideFor, type Deciding } from '../test/decide-for.ts';
import { aProposal, type ProposalChanges } from '../test/fixtures.ts';
import {
  REASONS,
  startModelServer,
  vote,
  type ModelRequest,
  type ModelServer,
  type Reply,
} from '../test/model-server.ts';
import { factsReply, partOf, reasonReply, type Part } from '../test/parts.ts';
import { Answers } from './answers.ts';
import type { PlannedQuestion } from './cost.ts';
import type { Spend } from './spending.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server.close());

/** A model that is for it, but where `by` says otherwise; and the parts that it was asked, in order. */
function behaving(by: Partial<Record<Part, (request: ModelRequest) => Reply>> = {}): Part[] {
  const asked: Part[] = [];
  server.behave((request) => {
    const part = partOf(request);
    asked.push(part);
    const other = by[part];
    if (other !== undefined) return other(request);
    if (part === 'facts') return factsReply;
    return part === 'reason' ? reasonReply : vote(request, 'For');
  });
  return asked;
}

const FULL = { publish_reason: 'full' };
const decideAbout = (deciding: Omit<Deciding, 'url'>, changes: ProposalChanges = {}) =>
  decideFor(aProposal(changes), { url: server.url, samples: 2, ...deciding });

async function decidedAbout(deciding: Omit<Deciding, 'url'>, changes: ProposalChanges = {}) {
  const decided = await decideAbout(deciding, changes);
  if (decided.kind !== 'decided') throw new Error(`No decision: ${JSON.stringify(decided)}`);
  return decided;
}

describe('the order of the questions', () => {
  test('has the second reading beside the samples: it ends while they still wait', async () => {
    const limit = new AbortController();
    const asked = behaving({
      sample: () => ({ kind: 'silent' }),
      judge: (request) => {
        // The samples are given up only now.
        limit.abort();
        return vote(request, 'For');
      },
    });
    const decided = await decideAbout({ secondReading: 'always', limit: limit.signal, timeoutMs: 600_000 });
    expect(decided).toMatchObject({ kind: 'too_few_answers', whys: ['timeout', 'timeout'] });
    expect(asked.toSorted()).toEqual(['facts', 'judge', 'sample', 'sample']);
  });

  test('has only the reason wait for all others', async () => {
    const asked = behaving();
    await decidedAbout({ secondReading: 'always', wishes: FULL });
    expect(asked.slice(0, -1).toSorted()).toEqual(['facts', 'judge', 'sample', 'sample']);
    expect(asked.at(-1)).toBe('reason');
  });
});

/** Lets everything be asked, and notes what was planned and what was asked. */
function noting(): { readonly spend: Spend; readonly planned: PlannedQuestion[]; readonly asked: PlannedQuestion[] } {
  const planned: PlannedQuestion[] = [];
  const asked: PlannedQuestion[] = [];
  const spend: Spend = (plan, ask) => {
    planned.push(...plan);
    return freely(plan, (meter) =>
      ask((question, one) => {
        asked.push(question);
        return meter(question, one);
      }),
    );
  };
  return { spend, planned, asked };
}

describe('what may come to be asked', () => {
  test.each([
    ['samples alone', 'never', {}, {}, 2, 2],
    ['a second reading', 'always', {}, {}, 4, 4],
    ['one that only a sample could make due', 'high_stakes', {}, {}, 4, 2],
    ['a reason', 'never', FULL, {}, 3, 3],
    ['no reason of a secret vote', 'never', FULL, { privacy: 'shutter' }, 2, 2],
    ['no reason where the vote is skipped', 'never', { ...FULL, confidence_threshold: 1 }, {}, 3, 2],
    ['all of it', 'always', FULL, {}, 5, 5],
  ] as const)('is planned with %s', async (_what, secondReading, wishes, changes, planned, asked) => {
    behaving();
    const notes = noting();
    await decidedAbout({ secondReading, wishes, fallbackModels: ['spare'], spend: notes.spend }, changes);
    expect(notes.planned).toHaveLength(planned);
    expect(notes.asked).toHaveLength(asked);
    for (const question of notes.planned) expect(question.models).toEqual(['small', 'spare']);
  });

  test('is planned at its longest: however much is said, no question exceeds its plan', async () => {
    const choices = Array.from({ length: 24 }, (_, at) => '漢字'.repeat(at) + 'ab'.repeat(60 - at) + at);
    const fact = (request: ModelRequest) => {
      const about = (request.messages[1]?.content ?? '').split('\n').find((line) => line.includes('漢字'.repeat(23)));
      return { kind: 'safeguard', about, statement: '漢'.repeat(900), quote: 'Green would please the eye.' };
    };
    behaving({
      facts: (request) => ({
        kind: 'says',
        content: JSON.stringify({ facts: Array.from({ length: 40 }, () => fact(request)) }),
      }),
      sample: all,
      judge: all,
    });
    const notes = noting();
    await decidedAbout({ secondReading: 'always', wishes: FULL, spend: notes.spend }, { type: 'approval', choices });
    expect(notes.asked).toHaveLength(5);
    const sizes = (questions: readonly PlannedQuestion[]) =>
      questions.map(({ inputTokens }) => inputTokens).toSorted((a, b) => a - b);
    const planned = sizes(notes.planned);
    for (const [at, size] of sizes(notes.asked).entries()) expect(size).toBeLessThanOrEqual(planned[at] ?? 0);
  });
});

/** Approves of every choice. */
function all(request: ModelRequest): Reply {
  const lines = (request.messages[1]?.content ?? '').split('\n');
  const keys = lines.slice(lines.lastIndexOf('Choices') + 1, -1);
  return { kind: 'says', content: JSON.stringify({ ...REASONS, choices: keys }) };
}

describe('earlier answers', () => {
  /** Decides, and again from what was said then. */
  async function twice(first: Omit<Deciding, 'url'>, then: Omit<Deciding, 'url'> = {}) {
    const one = await decidedAbout(first);
    const kept = { answers: Answers.parse(JSON.parse(one.evidence.text)), evidenceHash: one.evidence.hash };
    const asked = behaving();
    const two = await decidedAbout({ ...first, ...then, answers: { find: async () => kept } });
    return { one: one.decision, two: two.decision, reused: two.reused, asked };
  }

  test('hold the second reading, the mark and the reason too', async () => {
    behaving({
      judge: (request) => vote(request, 'Against'),
      sample: (request) => vote(request, 'For', { rationale: request.messages[0]?.content.slice(0, 200) }),
    });
    const { one, two, asked } = await twice({ secondReading: 'always', wishes: FULL });
    expect(asked).toEqual([]);
    expect(two.signals.map(({ kind }) => kind)).toEqual(['canary_echoed', 'second_reading_differs']);
    expect(two.signals).toEqual(one.signals);
    expect(two.public_reason).toBe('Voted by an AI agent for its owner. Green pleases the eye.');
    expect(two.usage.calls).toBe(0);
  });

  test('are gone on from where a second reading has become due since', async () => {
    behaving();
    const { reused, asked } = await twice({ secondReading: 'high_stakes' }, { takesPowerBack: true });
    expect(reused).toBe(false);
    expect(asked).toEqual(['facts', 'judge']);
  });

  test.each([
    ['was busy', { kind: 'status', status: 429, body: '{}' }, false],
    ['broke down', { kind: 'status', status: 500, body: '{}' }, false],
    ['refused', { kind: 'refuses' }, true],
  ] as const)('of a reader that %s: used again is %j', async (_what, reply, expected) => {
    for (const part of ['facts', 'judge'] as const) {
      behaving({ [part]: () => reply });
      const { one, reused, two } = await twice({ secondReading: 'always', wishes: { approval: 'when_unsure' } });
      expect(one.signals.map(({ kind }) => kind)).toEqual(['second_reading_missing']);
      expect(reused).toBe(expected);
      expect(two.signals).toHaveLength(expected ? 1 : 0);
    }
  });
});
