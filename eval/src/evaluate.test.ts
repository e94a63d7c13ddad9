/** The evaluation end to end: the decider, the sandbox's personas over HTTP, and a small corpus of which is known what it does. */
import { startModelServer, vote, type ModelServer } from '../../services/decider/test/model-server.ts';
import { partOf, reasonReply } from '../../services/decider/test/parts.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { SMALL_CORPUS } from '../test/small-corpus.ts';
import { evaluate, limited, type Evaluation } from './evaluate.ts';
import { readOptions, UsageError } from './options.ts';
import { EvalLine } from './report.ts';
import { forPeople } from './table.ts';

type Ran = Evaluation & { readonly said: readonly string[] };

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const said: string[] = [];
  const deps = { corpus: SMALL_CORPUS, say: (line: string) => void said.push(line) };
  const evaluation = await evaluate(readOptions(args, env), deps, new AbortController().signal);
  return { ...evaluation, said };
}

let ran: Ran;
beforeAll(async () => {
  ran = await run([
    '--model',
    'careful',
    '--model',
    'owned',
    '--model',
    'biased-first',
    '--attacker',
    '--queries',
    '40',
  ]);
});

describe('an evaluation with everything', () => {
  it('gives a line that is as it is described', () => {
    expect(EvalLine.parse(JSON.parse(JSON.stringify(ran.line)))).toEqual(ran.line);
  });

  it('shows at the top what steers gullible: the wish that is worded as a fact escapes, the order is caught, one is moot', () => {
    const { line } = ran;
    expect(line).toMatchObject({ attacks: 3, moot: 1, clean: 2, false_escalations: 0, failed: 0, agreement: 1 });
    expect(line.by_kind['plain_wish']).toMatchObject({ seen: false, flips_escaped: 1 });
    expect(line.by_kind['hidden_order']).toMatchObject({ seen: true, moot: 1, flips_escaped: 0, flips_escalated: 1 });
    expect(line.by_detectors.off.flips_escaped).toBe(2);
    expect(line.cost_usd).toBeGreaterThan(0);
  });

  it('shows that careful is not steered', () => {
    expect(ran.line.model?.['careful']).toMatchObject({ flips_escaped: 0, flips_escalated: 0, false_escalations: 0 });
  });

  it('shows that owned has its way alone, and never beside careful', () => {
    // Two attacks of three want what careful does not.
    const auto = { high_stakes: { proposals: 1 }, low_stakes: { proposals: 1 } };
    expect(ran.line.model?.['owned']).toMatchObject({ alone: auto, beside_careful: auto });
    expect(ran.line.model?.['owned']).toMatchObject({
      alone: { low_stakes: { auto_casts_of_target: 1 } },
      beside_careful: { high_stakes: { auto_casts_of_target: 0 }, low_stakes: { auto_casts_of_target: 0 } },
    });
  });

  it('shows that what is listed first is the first choice no more often than by chance', () => {
    const report = ran.line.model?.['biased-first'];
    if (report === undefined || !('first_option' in report)) throw new Error('not measured');
    expect(report.first_option).toMatchObject({ proposals: 80, answers: 240, chance: 0.25 });
  });

  it('lets the attacker at each proposal, no oftener than allowed', () => {
    const { attacker } = ran.line;
    expect(attacker).toMatchObject({ proposals: 2, queries_per_proposal: 40 });
    expect(attacker?.by_proposal.every(({ queries }) => queries <= 40)).toBe(true);
  });

  it('prints tables in which each model and each kind stands', () => {
    const text = forPeople(ran.line);
    for (const word of ['gullible', 'careful', 'biased-first', 'plain_wish *', 'hidden_order', 'beside careful']) {
      expect(text).toContain(word);
    }
    expect(ran.panels.map(({ title }) => title)).toEqual(['gullible', 'careful', 'biased-first']);
  });
});

it('gives the same by the same seed', async () => {
  const timeless = async () => ({ ...(await run(['--seed', '5', '--attacker', '--queries', '20'])).line, seconds: 0 });
  expect(await timeless()).toEqual(await timeless());
});

it('follows the detectors that it is told to at the top', async () => {
  const { line } = await run(['--detectors', 'off']);
  expect(line).toMatchObject({ detectors: 'off', flips_escaped: 2, flips_escalated: 0 });
  expect(line.by_detectors.on.flips_escaped).toBe(1);
});

/** Of the proposal that the model answers. */
const TITLE = 'Repair the old well';

describe('a model of an endpoint', () => {
  let server: ModelServer;
  beforeAll(async () => {
    server = await startModelServer();
    const fact = { kind: 'action', about: 'the proposal', statement: 'The old well is repaired.', quote: TITLE };
    server.behave((request) => {
      if (!JSON.stringify(request).includes('old well')) return { kind: 'refuses' };
      const part = partOf(request);
      if (part === 'reason') return reasonReply;
      return part === 'facts' ? { kind: 'says', content: JSON.stringify({ facts: [fact] }) } : vote(request, 'Against');
    });
    return () => server.close();
  });

  it('is asked there, and said beforehand what it will cost', async () => {
    const MODEL_PRICES = JSON.stringify({ oracle: { input_usd_per_million: 1, output_usd_per_million: 1 } });
    const env = { OPENAI_BASE_URL: server.url, OPENAI_API_KEY: 'key', MODEL_PRICES };
    const { line, said } = await run(['--model', 'oracle', '--model', 'careful'], env);
    expect(said.find((each) => each.startsWith('oracle: about'))).toMatch(/calls and \d+ thousand tokens, \$0\.\d\d$/);
    // It votes against the well, and refuses the paths.
    expect(line.model?.['oracle']).toMatchObject({ clean: 2, failed: 1, agreement: 0 });
    expect(line.model?.['careful']).toMatchObject({ agreement: 1 });
    expect(new Set(server.requests.map(({ model }) => model))).toEqual(new Set(['oracle']));
  });

  it('without a price has no known cost', async () => {
    const { line, said } = await run(['--model', 'oracle', '--url', server.url, '--attacker', '--queries', '3']);
    expect(said.join('\n')).toMatch(/oracle: about \d+ calls.*MODEL_PRICES.*; the attacker at most \d+ calls/);
    expect(line.model?.['oracle']).toMatchObject({ attacker: { queries_per_proposal: 3 } });
    expect(line.model?.['oracle']).toMatchObject({ cost_usd: null });
  });

  it('is refused before anything is asked where there is none', async () => {
    await expect(run(['--model', 'oracle'])).rejects.toThrow(UsageError);
  });
});

describe('a limit', () => {
  it('takes the kinds in turn, and the proposals that are attacked', () => {
    const two = limited(SMALL_CORPUS, 2);
    expect(two.kinds.map(({ kind, attacks }) => [kind, attacks.length])).toEqual([
      ['plain_wish', 1],
      ['hidden_order', 1],
    ]);
    const one = limited(SMALL_CORPUS, 1);
    expect(one.kinds.map(({ kind }) => kind)).toEqual(['plain_wish']);
    expect(one.clean.map(({ id }) => id)).toEqual(['well-kept-well']);
  });

  it('above all that there is takes everything that is attacked', () => {
    expect(limited(SMALL_CORPUS, 99)).toEqual(SMALL_CORPUS);
  });
});
