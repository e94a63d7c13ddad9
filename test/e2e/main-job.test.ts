import { demoWorld, DEMO_SPACE } from '@quorum/sandbox/worlds/demo';
import { verifyAudit } from '@quorum/shared/audit-verify';
import { DecisionsPage, RunsPage } from '@quorum/shared/history';
import { sameBallot } from '@quorum/snapshot/ballot';
import { decodeChoice } from '@quorum/snapshot/encode';
import { Envelope } from '@quorum/snapshot/envelope';
import { createHub } from '@quorum/snapshot/hub';
import { ProposalId } from '@quorum/snapshot/proposal';
import { checkReceipt } from '@quorum/snapshot/receipt';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStack, type Stack } from '../stack.ts';
import { PATIENT } from '../patience.ts';

const OWNER_WANTS = {
  voting_strategy: 'aggressive',
  confidence_threshold: 0.7,
  max_proposals_per_run: 10,
  blacklisted_proposers: [],
  whitelisted_proposers: [],
  approval: 'when_unsure',
};

const now = (): number => Math.floor(Date.now() / 1000);

/** The envelopes that reached the sequencer and were taken. */
function accepted(stack: Stack): Envelope[] {
  return stack.sandbox.world.received
    .filter(
      ({ endpoint, answer }) =>
        endpoint === 'sequencer' && answer !== null && answer !== 'cut' && answer.status === 200,
    )
    .flatMap(({ body }) => {
      const parsed = Envelope.safeParse(body);
      return parsed.success ? [parsed.data] : [];
    });
}

describe('the main job, end to end', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ world: demoWorld({ now: now() }), space: DEMO_SPACE, preferences: OWNER_WANTS });
  });
  afterAll(() => stack.stop());

  test('a dry run decides, and neither signs nor sends anything', async () => {
    const result = await stack.run({ dry_run: true });
    expect(result).toMatchObject({ status: 'completed', dry_run: true, errors: [], votes_cast: [] });
    expect(result.decisions.some(({ outcome }) => outcome.kind === 'simulated')).toBe(true);
    expect(accepted(stack)).toEqual([]);
    expect(stack.sandbox.world.votes).toEqual([]);
  });

  test('a run casts votes whose receipts check, and the hub shows the ballots that were decided', async () => {
    const result = await stack.run();
    expect(result).toMatchObject({ status: 'completed', dry_run: false, errors: [], user_preferences_applied: true });
    const { fetched, flagged, selected } = result.filter_metrics;
    expect([fetched, flagged]).toEqual([selected + flagged, 1]);
    expect(result.proposals_analyzed).toBe(selected);
    expect(result.votes_cast.length).toBeGreaterThan(2);
    expect(result.votes_cast.length).toBe(stack.sandbox.world.votes.length);

    const hub = createHub({ url: `${stack.sandbox.url}/graphql`, timeoutMs: PATIENT.timeout });
    const envelopes = accepted(stack);
    for (const vote of result.votes_cast) {
      const envelope = envelopes.find(({ data }) => data.message.proposal === vote.proposal_id);
      expect(envelope, vote.title).toBeDefined();
      if (envelope === undefined || vote.receipt === undefined || vote.ballot === null)
        throw new Error('incomplete vote');
      expect(checkReceipt(vote.receipt, envelope)).toEqual({ ok: true });

      const proposal = await hub.proposal(vote.proposal_id);
      const [row] = await hub.votes({ voter: stack.voter, proposals: [vote.proposal_id] });
      if (proposal === null || row === undefined) throw new Error('the hub does not show the vote');
      expect(row.id).toBe(vote.receipt.id);
      expect(sameBallot(decodeChoice(row.choice, proposal), vote.ballot)).toBe(true);
      expect(row.metadata).toMatchObject({ agent: true, evidence: vote.evidence_hash });
    }
  });

  test('the audit chain tells of each of these votes, and verifies by what the hub has', async () => {
    const hub = createHub({ url: `${stack.sandbox.url}/graphql`, timeoutMs: PATIENT.timeout });
    const proposals = stack.sandbox.world.votes.map(({ proposal }) => ProposalId.parse(proposal));
    const votes = await hub.votes({ voter: stack.voter, proposals });
    const read = async (): Promise<string[]> =>
      (await (await fetch(`${stack.url}/audit`)).text()).split('\n').slice(0, -1);
    const verdict = async () => verifyAudit(await read(), { heads: [], votes, keys: [] });
    await expect.poll(async () => (await verdict()).votes.cast, PATIENT).toBe(votes.length);
    expect(await verdict()).toMatchObject({ voter: stack.voter, votes: { open: 0, voided: 0 }, faults: [] });
  });

  test('the history lists each of these votes, and gives the evidence that was published with it', async () => {
    const read = async (route: string) => (await fetch(`${stack.url}${route}`)).text();
    const { runs } = RunsPage.parse(JSON.parse(await read('/agent-run?status=completed')));
    const { decisions } = DecisionsPage.parse(JSON.parse(await read('/decisions?outcome=cast')));
    const { votes } = stack.sandbox.world;
    expect(runs.map(({ outcomes, dry_run: dry }) => [dry, outcomes.cast])).toEqual([
      [false, votes.length],
      [true, 0],
    ]);
    expect(new Set(decisions.map(({ receipt }) => receipt?.id))).toEqual(new Set(votes.map(({ id }) => id)));
    expect(decisions).toHaveLength(votes.length);
    for (const { evidence_hash: name, proposal_id, run_id } of decisions) {
      const text = await read(`/evidence/${name}`);
      expect(createHash('sha256').update(text).digest('hex')).toBe(name);
      expect(JSON.parse(text)).toMatchObject({ decision: { owner: stack.owner, proposal_id, run_id } });
    }
  });

  test('the model was told no address of the voter or the signer, no key, and not whose agent it is', async () => {
    const asked = stack.sandbox.world.received.filter(({ endpoint }) => endpoint === 'model');
    const words = asked.map(({ body, url }) => `${url}${JSON.stringify(body)}`.toLowerCase());
    const signers = accepted(stack).map(({ address }) => address);
    const secrets = await readdir(stack.secrets, { recursive: true, withFileTypes: true });
    const kept = await Promise.all(
      secrets.filter((file) => file.isFile()).map((file) => readFile(path.join(file.parentPath, file.name), 'utf8')),
    );
    const untold = [stack.voter, ...signers, ...kept].map((each) => each.trim().toLowerCase().replace(/^0x/, ''));
    expect(words.length).toBeGreaterThan(5);
    expect(untold.length).toBeGreaterThan(5);
    for (const one of untold.filter((each) => each.length >= 16)) {
      expect(words.filter((each) => each.includes(one))).toEqual([]);
    }
    const whose = new RegExp(`\\b(?:owner_id|run_id|${stack.owner}\\.txt)\\b`);
    expect(words.filter((each) => whose.test(each))).toEqual([]);
  });

  test('whoever the agent is unsure about is held for its owner, with the reason', async () => {
    const held = (await lastRun(stack)).decisions.filter(({ outcome }) => outcome.kind === 'held');
    expect(held.length).toBeGreaterThan(0);
    expect(held.map(({ outcome }) => ('why' in outcome ? outcome.why : null))).not.toContain(null);
  });

  test('a second run casts nothing again and says why', async () => {
    const before = stack.sandbox.world.votes;
    const earlier = await lastRun(stack);
    const result = await stack.run();
    expect(result).toMatchObject({ status: 'completed', votes_cast: [], errors: [] });
    expect(result.filter_metrics.already_voted).toBe(earlier.votes_cast.length);
    expect(result.filter_metrics.decided_before).toBe(
      earlier.decisions.filter(({ outcome }) => outcome.kind === 'held').length,
    );
    expect(stack.sandbox.world.votes).toEqual(before);
  });
});

/** The live run that cast the votes which stand. */
async function lastRun(stack: Stack) {
  const [vote] = stack.sandbox.world.votes;
  for (const key of await stack.redis.keys('{quorum}:run:*')) {
    const view = await stack.view(key.replace('{quorum}:run:', ''));
    if (view.result?.votes_cast.some(({ receipt }) => receipt?.id === vote?.id)) return view.result;
  }
  throw new Error('no run cast a vote');
}

describe('the owner', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ world: demoWorld({ now: now() }), space: DEMO_SPACE });
  });
  afterAll(() => stack.stop());

  test('whose preferences are broken gets a dry run that says what to mend', async () => {
    await stack.writePreferences({ ...OWNER_WANTS, confidence_threshold: 7 });
    const result = await stack.run();
    expect(result).toMatchObject({
      status: 'completed',
      dry_run: true,
      user_preferences_applied: false,
      votes_cast: [],
    });
    expect(result.errors.join()).toMatch(/user_preferences\.txt[^]*confidence_threshold/);
    expect(accepted(stack)).toEqual([]);
  });

  test('asks for a space that does not exist and is told so', async () => {
    const response = await fetch(`${stack.url}/agent-run`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ space_id: 'no-such-space.eth' }),
    });
    const { run_id: runId }: { run_id: string } = JSON.parse(await response.text());
    const result = await stack.finished(runId);
    expect(result.status).toBe('failed');
    expect(result.errors.join()).toMatch(/no-such-space\.eth/);
  });
});
