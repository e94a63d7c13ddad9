/**
 * The evaluation: `gullible` over the whole corpus first, then whatever else is asked for. Personas are asked of a sandbox that it
 * starts itself; other models of the endpoint that is given.
 */
import { isPersona } from '@quorum/sandbox/model/personas';
import { attack, reportAttacks } from './attacker.ts';
import type { Corpus } from './corpus.ts';
import { decisionsOf, runCorpus, type CorpusRun } from './corpus-run.ts';
import { createDecider, PERSONA_PRICES, type Decider } from './decider.ts';
import { measureFirstOption } from './neutral.ts';
import { UsageError, type Options } from './options.ts';
import { measureOwned } from './owned.ts';
import { startPersonas, type Personas } from './personas.ts';
import { measureTexts, readTexts, type RealTexts } from './real-texts.ts';
import type { Panel } from './reliability-svg.ts';
import type { AttackerReport, EvalLine, ModelReport, NamedReport, OwnedReports } from './report.ts';
import { calibrationOf, summarise } from './summary.ts';

export type Evaluation = { readonly line: EvalLine; readonly panels: readonly Panel[] };

export type EvaluateDeps = {
  readonly corpus: Corpus;
  /** Tells whoever waits what is being done. */
  say(line: string): void;
};

const BASE = 'gullible';
/** How many proposals are attacked before the sandbox, which remembers every call, is started anew. */
const ATTACKED_TOGETHER = 8;

/** Measures everything that the options ask for. Throws `UsageError` before anything is measured if they cannot be met. */
export async function evaluate(options: Options, deps: EvaluateDeps, signal: AbortSignal): Promise<Evaluation> {
  const strangers = options.model.filter((name) => !isPersona(name));
  if (strangers.length > 0 && options.url === undefined) {
    throw new UsageError(
      `${strangers.join(', ')}: no persona of the sandbox. For a model of an endpoint set OPENAI_BASE_URL or --url.`,
    );
  }
  const corpus = options.limit === undefined ? deps.corpus : limited(deps.corpus, options.limit);
  const texts = options.proposals === undefined ? null : await readTexts(options.proposals);
  if (options.proposals !== undefined && texts === null) {
    throw new UsageError(`${options.proposals}: no folder with a file *.jsonl in it.`);
  }
  return withPersonas((personas) => measure({ options, corpus, texts, say: deps.say, signal, personas }));
}

async function measure(part: Part): Promise<Evaluation> {
  const began = performance.now();
  const { options, say } = part;
  const { seed, detectors } = options;
  say(`${BASE} over the corpus`);
  const base = await overCorpus(BASE, part);
  const report = summarise(base, detectors);
  const panels: Panel[] = [{ title: BASE, judged: calibrationOf(base.clean) }];

  announce(report, part);
  const models: [string, NamedReport | OwnedReports][] = [];
  for (const name of options.model) {
    say(`${name} over the corpus`);
    if (name === 'owned') {
      models.push([name, await owned(part)]);
      continue;
    }
    const run = await overCorpus(name, part);
    panels.push({ title: name, judged: calibrationOf(run.clean) });
    models.push([name, { ...summarise(run, detectors), ...(await more(name, part)) }]);
  }
  const line: EvalLine = {
    ...report,
    seed,
    seconds: 0,
    detectors,
    ...(options.attacker ? { attacker: await attacked(BASE, part) } : {}),
    ...(models.length > 0 ? { model: Object.fromEntries(models) } : {}),
    ...(part.texts === null ? {} : { proposals: await overTexts(part.texts, part) }),
  };
  return { line: { ...line, seconds: Math.round((performance.now() - began) / 100) / 10 }, panels };
}

type Part = EvaluateDeps & {
  readonly options: Options;
  readonly personas: Personas;
  readonly texts: RealTexts | null;
  readonly signal: AbortSignal;
};

/** What is measured of some models only. */
async function more(name: string, part: Part): Promise<Pick<NamedReport, 'first_option' | 'attacker'>> {
  const { seed, 'at-once': atOnce, attacker } = part.options;
  if (name === 'biased-first') {
    const { neutral } = part.corpus;
    return { first_option: await measureFirstOption(neutral, { decider: deciderOf(name, part), seed, atOnce }) };
  }
  return attacker && !isPersona(name) ? { attacker: await attacked(name, part) } : {};
}

function owned(part: Part): Promise<OwnedReports> {
  const of = (...models: string[]): Decider => personaDecider(models, part);
  const deciders = { careful: of('careful'), alone: of('owned'), beside: of('careful', 'owned') };
  return measureOwned(part.corpus, { ...deciders, aim: part.personas.aim });
}

function overCorpus(name: string, part: Part): Promise<CorpusRun> {
  const { seed, 'at-once': atOnce } = part.options;
  return runCorpus(part.corpus, { decider: deciderOf(name, part), seed, atOnce });
}

async function attacked(name: string, part: Part): Promise<AttackerReport> {
  const { seed, queries, detectors, 'at-once': atOnce } = part.options;
  const { clean } = part.corpus;
  const all: AttackerReport['by_proposal'] = [];
  for (let at = 0; at < clean.length; at += ATTACKED_TOGETHER) {
    part.say(`attacker on ${name}: ${at} of ${clean.length} proposals`);
    const batch = clean.slice(at, at + ATTACKED_TOGETHER);
    const attackBatch = (personas: Personas) =>
      attack(batch, { decider: deciderOf(name, { ...part, personas }), seed, atOnce }, { queries, detectors });
    all.push(...(await (isPersona(name) ? withPersonas(attackBatch) : attackBatch(part.personas))));
  }
  return reportAttacks(all, queries);
}

/** Real texts have no targets; `careful` reads them, or the models that are named. */
async function overTexts(texts: RealTexts, part: Part): Promise<NonNullable<EvalLine['proposals']>> {
  const { seed, 'at-once': atOnce, model } = part.options;
  const names = new Set(['careful', ...model.filter((name) => !isPersona(name))]);
  const reports: NonNullable<EvalLine['proposals']> = {};
  for (const name of names) {
    part.say(`${name} over ${texts.proposals.length} real texts`);
    reports[name] = await measureTexts(texts, { decider: deciderOf(name, part), seed, atOnce });
  }
  return reports;
}

function deciderOf(name: string, part: Part): Decider {
  const { url, apiKey, samples, prices, seed } = part.options;
  if (isPersona(name) || url === undefined) return personaDecider([name], part);
  return createDecider({ url, apiKey, inSandbox: false, models: [name], samples, prices, seed, signal: part.signal });
}

function personaDecider(models: readonly string[], { options, personas, signal }: Part): Decider {
  const { samples, seed } = options;
  return createDecider({
    url: personas.url,
    apiKey: 'sandbox',
    inSandbox: true,
    models,
    samples,
    prices: PERSONA_PRICES,
    seed,
    signal,
  });
}

async function withPersonas<T>(work: (personas: Personas) => Promise<T>): Promise<T> {
  const personas = await startPersonas();
  try {
    return await work(personas);
  } finally {
    await personas.close();
  }
}

/** What an answer of a real model is reckoned at: it is longer than the sandbox's. */
const OUTPUT_TOKENS = 500;

/** Says what the models of the endpoint will cost, before they are asked anything, by what the same questions came to in the sandbox. */
function announce({ calls, input_tokens }: ModelReport, { options, corpus, say }: Part): void {
  for (const name of options.model.filter((each) => !isPersona(each))) {
    const price = options.prices[name];
    const attacks = options.attacker ? (corpus.clean.length * options.queries) / decisionsOf(corpus) : 0;
    const about = (times: number): string => {
      const size = `${Math.ceil(calls * times)} calls and ${Math.ceil((input_tokens * times) / 1_000)} thousand tokens`;
      if (price === undefined) return `${size}, at a price that MODEL_PRICES does not say`;
      const output = calls * OUTPUT_TOKENS * price.output_usd_per_million;
      return `${size}, $${(((input_tokens * price.input_usd_per_million + output) * times) / 1e6).toFixed(2)}`;
    };
    say(`${name}: about ${about(1)}${attacks === 0 ? '' : `; the attacker at most ${about(attacks)}`}`);
  }
}

/** So many attacks, one of each kind in turn, and the proposals that they are on. */
export function limited(corpus: Corpus, attacks: number): Corpus {
  const longest = Math.max(...corpus.kinds.map((kind) => kind.attacks.length));
  const inTurn = Array.from({ length: longest }, (_, at) => corpus.kinds.flatMap((kind) => kind.attacks[at] ?? []));
  const chosen = new Set(inTurn.flat().slice(0, attacks));
  const kinds = corpus.kinds.map((kind) => ({ ...kind, attacks: kind.attacks.filter((each) => chosen.has(each)) }));
  const on = new Set([...chosen].map(({ proposal }) => proposal));
  return {
    clean: corpus.clean.filter(({ id }) => on.has(id)),
    neutral: corpus.neutral,
    kinds: kinds.filter((kind) => kind.attacks.length > 0),
  };
}
