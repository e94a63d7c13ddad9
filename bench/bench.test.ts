/** That the benchmarks measure and say what they should; never how fast this machine is. */
import { spawnSync } from 'node:child_process';
import { mkdtempDisposable, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { again } from './again.ts';
import { BENCHMARKS } from './all.ts';
import { result } from './benchmark.ts';
import { inSlowTurns, inTurns, quantile } from './measure.ts';
import { line } from './report.ts';
import { exitCodeOf, runAll } from './run.ts';
import { settled } from './settled.ts';
import { atOnce } from './stand.ts';
import { callsOf } from './straight-line.ts';
import { warmUp } from './warm-up.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const bench = (...args: string[]) => spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });

const Line = z.object({
  name: z.string(),
  value: z.number(),
  unit: z.string(),
  budget: z.number(),
  bound: z.enum(['most', 'least']),
  ok: z.boolean(),
  cores: z.int().positive(),
});

describe('npm run bench', () => {
  it('prints one line of JSON for a result, ends as the result says, and writes a table where it is told to', async () => {
    await using dir = await mkdtempDisposable(path.join(tmpdir(), 'quorum-bench-'));
    const file = path.join(dir.path, 'table.md');
    const { stdout, status } = bench('filter-rank', '--json', '--out', file);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    const { name, value, unit, budget, bound, ok } = Line.parse(JSON.parse(stdout));
    expect([name, unit, budget, bound]).toEqual(['filter-rank', '×', 5, 'most']);
    expect(value).toBeGreaterThan(0);
    expect(ok).toBe(value <= budget);
    expect(status).toBe(ok ? 0 : 1);
    const text = await readFile(file, 'utf8');
    expect(text).toContain(`Node ${process.versions.node}`);
    expect(text).toMatch(/^\| `filter-rank` \| .+ \| at most 5 × \| (yes|\*\*no\*\*) \| .+ \|$/m);
  });

  it('says which there are where there is none of that name', () => {
    const { stdout, stderr, status } = bench('filter-rnk');
    expect([stdout, status]).toEqual(['', 2]);
    expect(stderr).toContain('npm run bench -- filter-rank');
  });

  it('has one benchmark for a name', () => {
    const names = BENCHMARKS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('some benchmarks', () => {
  const SIX = { name: 'six', value: 6, spread: 0, unit: '×', budget: 5, bound: 'most', note: '' } as const;

  it('are all run, one that breaks too, which is within no budget', async () => {
    const told: string[] = [];
    const results = await runAll(
      [
        { name: 'five', does: '', run: async () => [result({ ...SIX, name: 'five', value: 5 })] },
        { name: 'broken', does: '', run: () => Promise.reject(new Error('no Redis')) },
        { name: 'six', does: '', run: async () => [result(SIX)] },
      ],
      ({ name }) => told.push(`${name} begins`),
      ({ name }) => told.push(name),
    );
    expect(results.map(({ name, ok }) => [name, ok])).toEqual([
      ['five', true],
      ['broken', false],
      ['six', false],
    ]);
    expect(told).toEqual(['five begins', 'five', 'broken begins', 'broken', 'six begins', 'six']);
    expect(results[1]?.note).toContain('no Redis');
    expect([results.slice(0, 1), results.slice(1, 2), results.slice(2), results].map(exitCodeOf)).toEqual([0, 1, 1, 1]);
  });
});

describe('a benchmark that breaks', () => {
  it('says what broke first, where its parts cannot be put away either', async () => {
    const run = async () => {
      await using parts = new AsyncDisposableStack();
      parts.defer(() => Promise.reject(new Error('a process does not end')));
      throw new Error('no Redis');
    };
    const [broken] = await runAll(
      [{ name: 'x', does: '', run }],
      () => undefined,
      () => undefined,
    );
    expect(broken?.note).toBe('broke: no Redis; then a process does not end');
  });
});

describe('a result', () => {
  it.for([
    ['most', 4.99, true],
    ['most', 5, true],
    ['most', 5.01, false],
    ['most', Number.NaN, false],
    ['least', 4.99, false],
    ['least', 5, true],
    ['least', 5.01, true],
    ['least', Number.NaN, false],
  ] as const)('of at %s 5 that is %d: %s', ([bound, value, ok]) => {
    expect(result({ name: 'x', value, spread: 0, unit: '×', budget: 5, bound, note: '' }).ok).toBe(ok);
  });

  it.for([
    ['most', '✗ x  6 ± 0.25 ×  (at most 5 ×; a note)'],
    ['least', '✓ x  6 ± 0.25 ×  (at least 5 ×; a note)'],
  ] as const)('says that its budget is the %s', ([bound, text]) => {
    expect(line(result({ name: 'x', value: 6, spread: 0.25, unit: '×', budget: 5, bound, note: 'a note' }))).toBe(text);
  });
});

describe('what is measured in turns', () => {
  it('is done as often as what it is held against, warm-up included', () => {
    let [ours, against] = [0, 0];
    inTurns(
      () => (ours += 1),
      () => (against += 1),
    );
    expect(ours).toBe(against);
    expect(ours).toBeGreaterThan(100);
  });

  it('that does no work is no measurement', () => {
    expect(() =>
      inTurns(
        () => Number.NaN,
        () => 1,
      ),
    ).toThrow(/did no work/);
  });

  it('and is slow is done in turns too, each of them prepared, and the warm-up is not measured', async () => {
    const steps: string[] = [];
    const measure = await inSlowTurns(
      { warmUp: 1, turns: 3, prepare: async (turn) => void steps.push(`${turn}`) },
      async (turn) => (steps.push('ours'), turn < 0 ? 1_000 : 20 + turn),
      async (turn) => (steps.push('against'), turn < 0 ? 1 : 10),
    );
    const [ours, against] = ['ours', 'against'];
    expect(steps).toEqual(['-1', against, ours, '0', ours, against, '1', against, ours, '2', ours, against]);
    expect(measure).toMatchObject({ ratio: 2.1, oursMs: 21, againstMs: 10 });
    expect(measure.spread).toBeCloseTo(0.1);
  });

  it.for([
    [[3, 1, 2], 0.5, 2],
    [[4, 1, 3, 2], 0.75, 4],
    [[1], 0.25, 1],
  ] as const)('of %j has the quantile %d', ([values, share, expected]) => {
    expect(quantile(values, share)).toBe(expected);
  });
});

describe('many runs', () => {
  it('are done as many at a time as was asked for, each once', async () => {
    const done: number[] = [];
    let [open, most] = [0, 0];
    await atOnce(3, [10, 11, 12, 13, 14, 15, 16], async (item, nth) => {
      most = Math.max(most, (open += 1));
      await setImmediate();
      open -= 1;
      done.push(item - nth);
    });
    expect(done).toEqual([10, 10, 10, 10, 10, 10, 10]);
    expect(most).toBe(3);
  });

  it.for([
    [Infinity, ['a.eth', 'b.eth', 'c.eth'], 3],
    [0, [], 0],
  ] as const)('that warm up are done as long as there is time, of %d ms', async ([mostMs, spaces, count]) => {
    const done: string[] = [];
    const all = ['a.eth', 'b.eth', 'c.eth'];
    expect(await warmUp(all, async (space) => done.push(space), { atOnce: 2, mostMs })).toBe(count);
    expect(done).toEqual(spaces);
  });
});

describe('some that start at once', () => {
  it('are waited for, each to its end, before it is told that one failed', async () => {
    const late = Promise.withResolvers<string>();
    const failed = new Error('it ended before it was ready');
    let told = false;
    const all = settled([Promise.reject<string>(failed), late.promise]).finally(() => (told = true));
    for (let turn = 0; turn < 3; turn += 1) await setImmediate();
    expect(told).toBe(false);
    late.resolve('ready');
    await expect(all).rejects.toBe(failed);
  });

  it('come to what each comes to, in their order', async () => {
    expect(await settled([setImmediate(1), Promise.resolve(2)])).toEqual([1, 2]);
  });
});

describe('what is asked again', () => {
  const failing = (errors: readonly Error[]) => {
    const left = [...errors];
    let asked = 0;
    return {
      ask: async () => {
        asked += 1;
        const error = left.shift();
        if (error !== undefined) throw error;
        return 'answered';
      },
      asked: () => asked,
    };
  };
  const lost = new TypeError('fetch failed');

  it('is what lost its connection, once', async () => {
    const { ask, asked } = failing([lost]);
    expect(await again(ask)).toBe('answered');
    expect(asked()).toBe(2);
    await expect(again(failing([lost, lost]).ask)).rejects.toBe(lost);
  });

  it('is nothing else', async () => {
    const refused = new Error('POST /agent-run: 400');
    const { ask, asked } = failing([refused]);
    await expect(again(ask)).rejects.toBe(refused);
    expect(asked()).toBe(1);
  });
});

describe('the straight line', () => {
  const query = (operationName: string) => ({
    endpoint: 'hub',
    method: 'POST',
    url: '/graphql',
    body: { query: 'query', operationName, variables: {} },
  });
  const chat = (rules: string, words = '<<<PROPOSAL 00\nSpace: a.eth') => ({
    endpoint: 'model',
    method: 'POST',
    url: '/v1/chat/completions',
    body: {
      model: 'slow',
      messages: [
        { role: 'system', content: rules },
        { role: 'user', content: words },
      ],
    },
  });
  const sample = chat('You decide how');
  const reader = chat('You read one governance proposal');
  const judge = chat('You decide how', '<<<PROPOSAL 00\nFacts\n1. (risk) None');
  const hub = [query('ActiveProposals'), query('Proposals')];

  it('makes the calls that a run was seen to make', () => {
    const calls = callsOf([...hub, sample, sample, reader, sample, judge]);
    expect(calls.samples).toBe(3);
    expect(calls.judge).toEqual(judge.body);
    expect(calls.list.operationName).toBe('ActiveProposals');
    expect(calls.voter).toBeNull();
  });

  it('looks for the votes and the power of a voter where the run did', () => {
    const asVoter = [...hub, query('SpaceVotes'), query('VotingPower')];
    const { voter } = callsOf([...asVoter, sample, sample, reader, sample, judge]);
    expect([voter?.votes.operationName, voter?.power.operationName]).toEqual(['SpaceVotes', 'VotingPower']);
  });

  it.for([
    ['no judge', [...hub, sample, reader]],
    ['no list', [query('Proposals'), sample, reader, judge]],
    ['a call that it does not know', [...hub, sample, reader, judge, chat('You translate')]],
    ['votes without power', [...hub, query('SpaceVotes'), sample, reader, judge]],
    ['a question that it does not know', [...hub, query('Roles'), sample, reader, judge]],
  ] as const)('is no comparison to a run with %s', ([, received]) => {
    expect(() => callsOf(received)).toThrow(/other calls/);
  });
});
