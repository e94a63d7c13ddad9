/** Whatever the models do at each attempt: what the decision, its evidence, the run and the budget say is what was asked. */
import { randomBytes } from 'node:crypto';
import { addUsage } from '@quorum/shared/decision';
import { keys } from '@quorum/shared/redis-keys';
import { fc, test as property } from '@fast-check/vitest';
import { expect } from 'vitest';
import { useFolder } from '../test/asking.ts';
import { jobDeps, useJobStand } from '../test/job-stand.ts';
import { vote, type ModelRequest, type Reply } from '../test/model-server.ts';
import { factsReply, partOf, reasonReply } from '../test/parts.ts';
import { rebuildPrompts } from '../test/rebuild.ts';
import { openRun, type TestRun } from '../test/runs.ts';
import { decideJob } from './decide-job.ts';

const KEY = randomBytes(32);
const ATTEMPTS = 3;
const SETTINGS = { models: ['small'], fallbackModels: ['spare'], samples: 3, secondReading: 'always' } as const;
/** What the test server says of each answer, at the price of either model. */
const TOKENS = { input: 1_000, output: 100 };
const MICROS = 1_400;
const folder = useFolder();

const stand = useJobStand();

type Mood = 'good' | 'against' | 'unsure' | 'foreign' | 'prose' | 'refuses' | 'away';

function replyIn(mood: Mood, request: ModelRequest): Reply {
  const part = partOf(request);
  if (mood === 'away') return { kind: 'status', status: 503, body: '{}' };
  if (mood === 'refuses') return { kind: 'refuses' };
  if (mood === 'prose') return { kind: 'says', content: 'For!' };
  if (part === 'facts') return factsReply;
  if (part === 'reason') return reasonReply;
  const more = {
    ...(mood === 'unsure' ? { confidence: 0.55 } : {}),
    ...(mood === 'foreign' ? { rationale: 'Скамейка станет зелёной, и это недорого.' } : {}),
  };
  return vote(request, mood === 'against' ? 'Against' : 'For', more);
}

/** Works the job until it ends, as BullMQ would. `requests`: all that was asked, and whether it was answered. */
async function workThrough({ payload }: TestRun, moods: readonly Mood[]) {
  const requests: { request: ModelRequest; billed: boolean }[] = [];
  stand.server.behave((request) => {
    const mood = moods[requests.length % moods.length] ?? 'good';
    requests.push({ request, billed: mood !== 'away' });
    return replyIn(mood, request);
  });
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const given = jobDeps(stand, {
      key: KEY,
      folder,
      settings: SETTINGS,
      last: attempt === ATTEMPTS,
      pickups: attempt,
    });
    const result = await decideJob(payload, given, new AbortController().signal).catch(() => null);
    if (result !== null) return { requests, attempts: attempt };
  }
  throw new Error('The last attempt threw');
}

const moods = fc.array(
  fc.constantFrom<Mood>('good', 'good', 'good', 'against', 'unsure', 'foreign', 'prose', 'refuses', 'away'),
  { minLength: 1, maxLength: 24 },
);

property.prop([moods, fc.constantFrom('never', 'when_unsure'), fc.constantFrom('full', 'template')], { numRuns: 60 })(
  'the decision, its evidence, the run and the budget agree with what was asked',
  async (given, approval, publish_reason) => {
    const run = await openRun(stand.stores, {}, { approval, publish_reason });
    const { requests } = await workThrough(run, given);
    const billed = requests.filter((each) => each.billed).length;
    const used = {
      calls: requests.length,
      input_tokens: billed * TOKENS.input,
      output_tokens: billed * TOKENS.output,
      cost_usd: expect.closeTo((billed * MICROS) / 1e6, 9),
    };
    const { run_id, proposal_id } = run.payload;
    const record = await run.decision();
    expect.assert(record !== undefined);
    expect(record.kind === 'decided' ? record.sealed.decision.usage : record.usage).toEqual(used);
    expect((await stand.stores.records.run(run_id))?.spent.get(proposal_id) ?? addUsage([])).toEqual(used);
    expect(await stand.redis.hgetall(keys.budgetRun(run_id))).toEqual({ spent: String(billed * MICROS) });
    if (record.kind !== 'decided') return;

    const text = await stand.stores.records.evidence(record.sealed.decision.evidence_hash);
    const sent = requests.map(({ request }) => JSON.stringify(request.messages)).toSorted();
    for (const prompt of rebuildPrompts(text ?? '', run).map((messages) => JSON.stringify(messages))) {
      const at = sent.indexOf(prompt);
      expect(at).not.toBe(-1);
      sent.splice(at, 1);
    }
  },
);
