/**
 * Every outcome, and every reason for one, through the API and all the services. Each case has a space of its own with one proposal,
 * named after it; what it needs is in `outcome-cases.ts`.
 */
import type { World } from '@quorum/sandbox/world';
import { Answered, FailedWhy, HeldWhy, type Outcome, SkippedWhy } from '@quorum/shared/outcome';
import { ProposalRanking } from '@quorum/shared/run';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { startStack, until, type Stack } from '../stack.ts';
import { voteByHand } from './by-hand.ts';
import { ANSWERS, ask, type Case, CASES, PAYLOAD, type Scene, TEXT, type WorldProposal } from './outcome-cases.ts';

const HOUR_S = 60 * 60;
/** Longer than the sandbox's model takes by itself, and within what the model may take. */
const MEANWHILE_MS = 1_500;
const MIN_TIME_TO_VOTE_S = 60;

const NAMES = z.record(z.string(), z.custom<Case>()).parse(CASES);
const spaceOf = (name: string): string => `${name.replaceAll(/[ _]/g, '-')}.eth`;
const nowS = (): number => Math.floor(Date.now() / 1_000);
let ids = 0;

function aProposal(title: string, more: Partial<WorldProposal> = {}): WorldProposal {
  ids += 1;
  return {
    id: `0x${ids.toString().padStart(64, '0')}`,
    space: spaceOf(title),
    title,
    body: TEXT,
    choices: ['For', 'Against', 'Abstain'],
    // So far ahead that nobody's power decides.
    scores: [1_000_000, 0, 0],
    votes: 300,
    start: nowS() - 3 * HOUR_S,
    end: nowS() + 12 * HOUR_S,
    ...more,
  };
}

const ANSWERED: readonly Answered['kind'][] = Answered.shape.kind.options;
const heldSpaces = ANSWERED.map((kind) => spaceOf(`answered ${kind}`));
const FILTERED = spaceOf('filtered');
const spaces = [...Object.keys(NAMES).map(spaceOf), ...heldSpaces, FILTERED];

function world(): World {
  return {
    now: null,
    spaces: spaces.map((id) => ({ id, name: id })),
    voting_power: spaces.map((space) => ({ space, default: true, vp: 100 })),
  };
}

const overrides = {
  ...Object.fromEntries(Object.entries(NAMES).map(([name, { preferences }]) => [spaceOf(name), preferences ?? {}])),
  ...Object.fromEntries(heldSpaces.map((space) => [space, { approval: 'always' }])),
};
const PREFERENCES = {
  voting_strategy: 'aggressive',
  confidence_threshold: 0.5,
  max_proposals_per_run: 3,
  approval: 'never',
  space_overrides: overrides,
};

describe('every outcome', () => {
  let stack: Stack;
  const seen = new Set<string>();

  beforeAll(async () => {
    stack = await startStack({
      world: world(),
      space: spaceOf('cast'),
      moreSpaces: spaces.slice(1),
      preferences: PREFERENCES,
      env: {
        // Two, so that they can disagree: the second answers what it is told to.
        DECIDER_MODELS: 'careful,owned',
        DECIDER_SAMPLES: '1',
        DECIDER_SECOND_READING: 'never',
        MODEL_TIMEOUT_S: '4',
        MIN_TIME_TO_VOTE_S: `${MIN_TIME_TO_VOTE_S}`,
        MAX_RETRY_ATTEMPTS: '1',
        BUDGET_USD_PER_RUN: '0.01',
        SHUTTER_EON_PUBLIC_KEY: '',
      },
    });
  });
  afterAll(() => stack.stop());
  afterEach(() => stack.control('DELETE', 'faults'));

  const put = (...proposals: WorldProposal[]): Promise<void> => stack.control('PATCH', 'world', { proposals });

  const asked = (proposal: WorldProposal): number =>
    stack.sandbox.world.received.filter(
      ({ endpoint, body }) => endpoint === 'model' && JSON.stringify(body).includes(proposal.title),
    ).length;

  /** Where the proposal of this run is by now. */
  async function outcomeIn(runId: string): Promise<Outcome | null> {
    const { proposals, result } = await stack.view(runId);
    return result?.decisions[0]?.outcome ?? proposals[0]?.outcome ?? null;
  }

  test.each(Object.entries(NAMES))('%s', async (name, { proposal: more = {}, ...given }) => {
    const proposal = aProposal(name, more);
    await put(proposal);
    await stack.control('POST', 'model', { persona: 'owned', target: given.disagrees ? 'Against' : 'For' });
    const match = { body_contains: name };
    for (const fault of given.faults ?? []) {
      const by = fault.endpoint === 'model' ? match : { body_contains: proposal.id };
      await stack.control('POST', 'faults', { match: by, ...fault });
    }
    await given.before?.(stack);
    if (given.meanwhile !== undefined) {
      await stack.control('POST', 'faults', { endpoint: 'model', share: 1, match, latency_ms: MEANWHILE_MS });
    }
    const { run_id: runId } = await stack.post({ space_id: proposal.space, dry_run: given.dryRun ?? false });
    const scene: Scene = { stack, runId, proposal };
    if (given.meanwhile !== undefined) {
      await until('the model to be asked', async () => asked(proposal) > 0);
      await given.meanwhile(scene);
    }
    const result = await stack.finished(runId);
    const outcome = await outcomeIn(runId);
    const [kind, why] = name.split(' ');
    expect(outcome, result.errors.join(' ')).toEqual(why === undefined ? { kind } : { kind, why });
    seen.add(name);

    // Each is told where an owner looks: a fault in `errors`, a vote in `votes_cast`, and none is on the hub but that.
    expect(result.errors.length > 0, result.errors.join(' ')).toBe(kind === 'failed' || why === 'budget');
    expect(result.votes_cast.length).toBe(kind === 'cast' ? 1 : 0);
    const votes = stack.sandbox.world.votes.filter(({ proposal: id }) => id === proposal.id);
    expect(votes.length).toBe(kind === 'cast' || why === 'already_voted' ? 1 : 0);
    await stack.control('DELETE', 'faults');
    await given.after?.(scene);
  });

  test('the closed lists are covered', () => {
    const names = [
      ...HeldWhy.options.map((why) => `held ${why}`),
      ...SkippedWhy.options.filter((why) => why !== 'expired').map((why) => `skipped ${why}`),
      ...FailedWhy.options.map((why) => `failed ${why}`),
      'cast',
      'simulated',
    ];
    expect([...seen].toSorted()).toEqual(names.toSorted());
  });

  test.each(ANSWERED)('a hold ends as %s', async (kind) => {
    const name = `answered ${kind}`;
    const soon = kind === 'expired' ? { end: nowS() + MIN_TIME_TO_VOTE_S + 6 } : {};
    const proposal = aProposal(name, soon);
    await put(proposal);
    await stack.control('POST', 'model', { persona: 'owned', target: 'For' });
    if (kind === 'resumed') {
      await ask(stack, 'PATCH', '/user-preferences', { space_overrides: { ...overrides, [spaceOf(name)]: {} } });
      await ask(stack, 'POST', '/voting/pause');
    }
    const { run_id: runId } = await stack.post({ space_id: proposal.space });
    await stack.finished(runId);
    const why = kind === 'resumed' ? 'voting_paused' : 'approval_always';
    expect(await outcomeIn(runId)).toEqual({ kind: 'held', why });
    await ANSWERS[kind]({ stack, runId, proposal });
    const casts = kind === 'approved' || kind === 'resumed';
    const answered = await until(`the hold to end as ${kind}`, async () => {
      const outcome = await outcomeIn(runId);
      const told = outcome?.kind === 'held' ? outcome.answered : undefined;
      return told !== undefined && (!casts || told.outcome !== null) ? told : null;
    });
    expect(answered).toEqual({ kind, outcome: casts ? { kind: 'cast' } : null });
  });

  test('every count of the filter is reached, and the sum is what was fetched', async () => {
    const [black, nobody, white] = ['1', '2', '3'].map((digit) => `0x${digit.repeat(40)}`);
    await ask(stack, 'PATCH', '/user-preferences', {
      blacklisted_proposers: [black],
      whitelisted_proposers: [white, black],
      max_proposals_per_run: 1,
    });
    const ofWhite = (more: Partial<WorldProposal> = {}) => aProposal('filtered', { author: white, ...more });
    const before = ofWhite({ plugins: PAYLOAD });
    await put(before);
    expect((await stack.run({ space_id: FILTERED })).decisions.map(({ outcome }) => outcome.kind)).toEqual(['held']);

    const voted = ofWhite();
    // What ends sooner is asked about first.
    const [powerless, unreadable] = [ofWhite({ end: nowS() + HOUR_S }), ofWhite({ end: nowS() + 2 * HOUR_S })];
    await put(
      aProposal('filtered', { author: black }),
      aProposal('filtered', { author: nobody }),
      ofWhite({ flagged: true, flagCode: 2 }),
      ofWhite({ end: nowS() + MIN_TIME_TO_VOTE_S - 5 }),
      voted,
      powerless,
      unreadable,
      ofWhite(),
      ofWhite(),
    );
    await stack.control('PATCH', 'world', {
      voting_power: [
        { proposal: powerless.id, default: true, vp: 0 },
        { proposal: unreadable.id, default: true, fail: true },
      ],
    });
    await voteByHand(stack, voted.id, { kind: 'single', choice: { index: 2, label: 'Against' } });
    // What was read for the run before is shared for some seconds.
    await until('the list to be read anew', async () => {
      const ranking = await ask(stack, 'GET', `/proposals?space_id=${FILTERED}`);
      return ProposalRanking.parse(ranking).filter_metrics.fetched > 1;
    });
    const { ranked, fetched, ...counts } = (await stack.run({ space_id: FILTERED })).filter_metrics;
    expect(counts).toEqual(Object.fromEntries(Object.keys(counts).map((name) => [name, 1])));
    expect(fetched).toBe(Object.keys(counts).length);
    expect(ranked.length).toBe(4);
  });
});
