/** The waterfall as people see it, at the narrowest: each line is written out. */
import type { Span } from '@quorum/shared/run-span';
import { RunTimings } from '@quorum/shared/run-timings';
import { expect, test } from 'vitest';
import { figuresOf } from './figures.ts';
import { duration, printTrace } from './print-trace.ts';

const A = `0x${'a'.repeat(64)}`;
const B = `0x${'b'.repeat(64)}`;
const RUN = '3f0c2a51-6f0e-4d7e-9c1b-0a4f5d2e7b10';

type Given = Partial<Omit<Span, 'proposal_id'>> & Pick<Span, 'kind' | 'begin' | 'end'>;
const of = (proposal_id: string | null, ...spans: readonly Given[]) => spans.map((span) => ({ ...span, proposal_id }));
const sample = (nth: number, begin: number, end: number | null, result = 'answer', model = 'gpt-x'): Given => ({
  kind: 'ask',
  begin,
  end,
  ask: { role: 'sample', nth, model, result },
});

function timings(given: Record<string, unknown>): RunTimings {
  return RunTimings.parse({
    run_id: RUN,
    status: 'completed',
    space_id: 'small.eth',
    dry_run: false,
    accepted_at: '2026-11-27T06:00:00.000Z',
    finished: 1_000,
    now: 5_000,
    proposals: [{ proposal_id: A, title: 'A bench', outcome: { kind: 'cast' }, decided: 800, kept: true }],
    spans: [],
    ...given,
  });
}

const lines = (given: Record<string, unknown>, columns = 80): string[] =>
  printTrace(timings(given), { colour: false, columns });

const BEFORE = of(null, { kind: 'queued', begin: 0, end: 20 }, { kind: 'fetch', begin: 20, end: 200 });
const VOTE = of(
  A,
  { kind: 'wait', begin: 200, end: 205 },
  { kind: 'decide', begin: 205, end: 800 },
  sample(1, 210, 600),
  sample(2, 210, 790),
  { kind: 'wait', begin: 800, end: 805 },
  { kind: 'check', begin: 805, end: 850 },
  { kind: 'reserve', begin: 850, end: 855 },
  { kind: 'sign', begin: 855, end: 860 },
  { kind: 'send', begin: 860, end: 930, answered: 'accepted' },
  { kind: 'read_back', begin: 930, end: 980 },
);
const CLOSE = of(null, { kind: 'close', begin: 980, end: 1_000 });

test('a live run', () => {
  expect(lines({ spans: [...BEFORE, ...VOTE, ...CLOSE] })).toEqual([
    'Run 3f0c2a51-6f0e-4d7e-9c1b-0a4f5d2e7b10',
    'completed, live, in small.eth, accepted 2026-11-27T06:00:00.000Z',
    '',
    '                                           0                              1.00 s',
    '● queued                            20 ms  █',
    '● fetch, filter, rank              180 ms   ██████',
    '  A bench (cast)',
    '●   wait for a worker                5 ms         █',
    '    decide                         595 ms          ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄',
    '      sample 1 gpt-x               390 ms          ▒▒▒▒▒▒▒▒▒▒▒▒▒▒',
    '●     sample 2 gpt-x               580 ms          █████████████████████',
    '●   wait for a worker                5 ms                                █',
    '●   check                           45 ms                                █',
    '●   reserve                          5 ms                                 █',
    '●   sign                             5 ms                                  █',
    '●   send                            70 ms                                  ██',
    '●   read back                       50 ms                                    ██',
    '● close                             20 ms                                      █',
    '',
    'from POST to end                   1.00 s',
    'critical path                      985 ms  ● above; 15 ms between its steps',
    'from POST to first model call      210 ms',
    'from decision to accepted vote     130 ms',
  ]);
});

test('a run that is under way, of two proposals', () => {
  const spans = [
    ...BEFORE,
    ...of(A, { kind: 'wait', begin: 200, end: 205 }, { kind: 'decide', begin: 205, end: null }),
    ...of(B, { kind: 'wait', begin: 200, end: null }),
  ];
  const open = { outcome: null, decided: null, kept: true };
  const proposals = [
    { proposal_id: A, title: 'A bench', ...open },
    { proposal_id: B, title: 'A boat', ...open },
  ];
  expect(lines({ status: 'running', finished: null, now: 2_000, proposals, spans })).toEqual([
    'Run 3f0c2a51-6f0e-4d7e-9c1b-0a4f5d2e7b10',
    'running, live, in small.eth, accepted 2026-11-27T06:00:00.000Z',
    '',
    '                                           0                              2.00 s',
    '● queued                            20 ms  █',
    '● fetch, filter, rank              180 ms  ████',
    '  A bench (under way)',
    '    wait for a worker                5 ms      ▒',
    '    decide                           open      ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄▶',
    '  A boat (under way)',
    '●   wait for a worker                open      ████████████████████████████████▶',
    '',
    'so far                             2.00 s',
    'critical path                      2.00 s  ● above; 0 ms between its steps',
    'from POST to first model call           –  no model has answered so far',
    'from decision to accepted vote          –  no vote was accepted so far',
  ]);
});

test('a run that failed before it knew its proposals', () => {
  const spans = of(null, { kind: 'queued', begin: 0, end: 20 }, { kind: 'fetch', begin: 20, end: 1_000 });
  expect(lines({ status: 'failed', proposals: [], spans })).toEqual([
    'Run 3f0c2a51-6f0e-4d7e-9c1b-0a4f5d2e7b10',
    'failed, live, in small.eth, accepted 2026-11-27T06:00:00.000Z',
    '',
    '                                           0                              1.00 s',
    '● queued                            20 ms  █',
    '● fetch, filter, rank              980 ms   ████████████████████████████████████',
    '',
    'from POST to end                   1.00 s',
    'critical path                      1.00 s  ● above; 0 ms between its steps',
    'from POST to first model call           –  no model was asked',
    'from decision to accepted vote          –  no vote was accepted',
  ]);
});

test('a run that ended without an outcome of its proposal, and of which no call is known', () => {
  const spans = [
    ...BEFORE,
    ...of(A, { kind: 'decide', begin: 200, end: 1_000 }),
    ...of(null, { kind: 'close', begin: 1_000, end: 1_000 }),
  ];
  const proposals = [{ proposal_id: A, title: 'A bench', outcome: null, decided: null, kept: true }];
  const told = lines({ status: 'failed', proposals, spans });
  expect(told[6]).toBe('  A bench (not ended)');
  expect(told.slice(-2)).toEqual([
    'from POST to first model call           –  no call to a model is known of',
    'from decision to accepted vote          –  no vote was accepted',
  ]);
  // Of a decision all calls are known: there were none.
  const decided = proposals.map((one) => ({ ...one, decided: 1_000 }));
  expect(lines({ proposals: decided, spans }).at(-2)).toMatch(/ {2}no model was asked$/);
});

test('a held one: what came after the run is not drawn to its scale', () => {
  const held = { kind: 'held', why: 'approval_always' };
  const proposals = [{ proposal_id: A, title: 'A bench', outcome: held, decided: 800, kept: true }];
  const spans = [
    ...BEFORE,
    ...VOTE.slice(0, 5),
    ...of(
      A,
      { kind: 'check', begin: 805, end: 810 },
      { kind: 'answer', begin: 810, end: 7_200_810 },
      { kind: 'send', begin: 7_200_900, end: 7_201_000, answered: 'accepted' },
    ),
    ...of(null, { kind: 'close', begin: 810, end: 1_000 }),
  ];
  expect(lines({ proposals, spans })).toEqual([
    'Run 3f0c2a51-6f0e-4d7e-9c1b-0a4f5d2e7b10',
    'completed, live, in small.eth, accepted 2026-11-27T06:00:00.000Z',
    '',
    '                                           0                              1.00 s',
    '● queued                            20 ms  █',
    '● fetch, filter, rank              180 ms   ██████',
    '  A bench (held: approval_always)',
    '●   wait for a worker                5 ms         █',
    '    decide                         595 ms          ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄',
    '      sample 1 gpt-x               390 ms          ▒▒▒▒▒▒▒▒▒▒▒▒▒▒',
    '●     sample 2 gpt-x               580 ms          █████████████████████',
    '●   wait for a worker                5 ms                                █',
    '●   check                            5 ms                                █',
    "    wait for the owner's answer   2 h 0 m                                      →",
    '    send                           100 ms                                      →',
    '● close                            190 ms                                ███████',
    '',
    'from POST to end                   1.00 s',
    'critical path                      985 ms  ● above; 15 ms between its steps',
    'from POST to first model call      210 ms',
    'from decision to accepted vote     190 ms',
  ]);
  expect(figuresOf(timings({ proposals, spans }))).toMatchObject({ accepted_votes: [{ accepted_ms: 190 }] });
  // Where voting was paused nobody is asked, and the vote counts from its resumption.
  const paused = spans.map((span) => (span.kind === 'answer' ? { ...span, kind: 'resume' as const } : span));
  expect(lines({ proposals, spans: paused })[13]).toBe(
    '    wait until voting is resumed  2 h 0 m                                      →',
  );
  expect(figuresOf(timings({ proposals, spans: paused }))).toEqual(figuresOf(timings({ proposals, spans })));
});

test('a run of before times were kept', () => {
  const proposals = [{ proposal_id: A, title: 'A bench', outcome: { kind: 'simulated' }, decided: 800, kept: false }];
  const spans = [
    ...of(null, { kind: 'queued', begin: 0, end: 20 }),
    ...of(A, { kind: 'decide', begin: 20, end: 800 }, { kind: 'vote', begin: 800, end: 900 }),
    ...of(null, { kind: 'close', begin: 900, end: 1_000 }),
  ];
  expect(lines({ dry_run: true, proposals, spans })).toEqual([
    'Run 3f0c2a51-6f0e-4d7e-9c1b-0a4f5d2e7b10',
    'completed, dry, in small.eth, accepted 2026-11-27T06:00:00.000Z',
    '',
    '                                           0                              1.00 s',
    '● queued                            20 ms  █',
    '  A bench (simulated)',
    '●   decide                         780 ms   █████████████████████████████',
    '●   vote                           100 ms                                ███',
    '● close                            100 ms                                   ████',
    '',
    'from POST to end                   1.00 s',
    'critical path                      1.00 s  ● above; 0 ms between its steps',
    'from POST to first model call           –  not kept: the run is of before times were kept',
    'from decision to accepted vote          –  not kept: the run is of before times were kept',
  ]);
});

test('text from outside is cut, and printed without control characters', () => {
  const title = `A\u001b[2J bench\nat\u202e the ${'very '.repeat(30)}end`;
  const spans = [...BEFORE, ...of(A, sample(1, 200, 900, 'timeout', `evil\u001b]0;x\u0007${'m'.repeat(60)}`))];
  const proposals = [{ proposal_id: A, title, outcome: { kind: 'failed', why: 'timeout' }, decided: null, kept: true }];
  const told = lines({ proposals, spans });
  expect(told.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(told.filter((line) => line.length > 80)).toEqual([]);
});

test('bars use the width that there is', () => {
  const spans = [...BEFORE, ...VOTE, ...CLOSE];
  const widest = (columns: number): number => Math.max(...lines({ spans }, columns).map((line) => line.length));
  expect([widest(0), widest(80), widest(120), widest(500)]).toEqual([80, 80, 120, 140]);
});

test.each([
  [0, '0 ms'],
  [999.4, '999 ms'],
  [1_000, '1.00 s'],
  [59_999, '59.99 s'],
  [60_000, '1 m 0 s'],
  [7_200_000, '2 h 0 m'],
  [187_200_000, '2 d 4 h'],
])('%d ms is %s', (ms, words) => {
  expect(duration(ms)).toBe(words);
});
