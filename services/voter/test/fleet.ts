/** Many votes of several voters, whose jobs one voter service or several work: a run each, with as many proposals as wanted. */
import { randomBytes } from 'node:crypto';
import { jobIds } from '@quorum/shared/jobs';
import { newRunId, type RunId } from '@quorum/shared/ids';
import { preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import type { OutcomeRecord } from '@quorum/shared/records';
import { sealDecision } from '@quorum/shared/sealed-decision';
import { type Ballot, sameBallot } from '@quorum/snapshot/ballot';
import { contentHash } from '@quorum/snapshot/content-hash';
import { decodeChoice } from '@quorum/snapshot/encode';
import { Envelope, envelopeId } from '@quorum/snapshot/envelope';
import { type Proposal, ProposalId, SpaceId, VOTING_TYPES } from '@quorum/snapshot/proposal';
import { aDecision, anAnswer, filterMetrics } from '../../../packages/shared/test/samples.ts';
import { ballotOf, DAY_S, LABELS, nowS, type Stand, someKeys, type VoteCase } from './stand.ts';
import type { Signing } from './voter-process.ts';

/** One vote of the fleet. */
export type FleetVote = {
  readonly of: VoteCase;
  readonly runId: RunId;
  readonly proposal: Proposal;
  readonly ballot: Ballot;
};

export type Fleet = { readonly voters: readonly Signing[]; readonly votes: readonly FleetVote[] };

const SPACE = SpaceId.parse('fleet.eth');

/** So many voters with so many proposals each, every voting type among them. `endS` says when the nth closes, Unix seconds. */
export async function aFleet(
  stand: Stand,
  size: { readonly voters: number; readonly each: number },
  endS: (nth: number) => number = () => nowS() + DAY_S,
): Promise<Fleet> {
  const keys = someKeys();
  const [voters, votes]: [Signing[], FleetVote[]] = [[], []];
  for (let voter = 0; voter < size.voters; voter += 1) {
    const of = await stand.aVote({ keys });
    voters.push({ owner: of.owner, voter: of.voter, deps: of.deps, spaces: [of.space, SPACE] });
    votes.push(...(await aRunOf(stand, of, size.each, (nth) => endS(voter * size.each + nth))));
  }
  return { voters, votes };
}

async function aRunOf(
  stand: Stand,
  of: VoteCase,
  count: number,
  endS: (nth: number) => number,
): Promise<readonly FleetVote[]> {
  const { deps, owner, voter } = of;
  const rows = Array.from({ length: count }, (_, nth) => ({
    id: ProposalId.parse(`0x${randomBytes(32).toString('hex')}`),
    space: SPACE,
    type: VOTING_TYPES[nth % VOTING_TYPES.length],
    title: `Berth ${nth + 1}`,
    body: 'Dredge it by a metre.',
    choices: LABELS,
    start: nowS() - 3 * DAY_S,
    end: endS(nth),
  }));
  await stand.control('PATCH', 'world', {
    spaces: [{ id: SPACE, name: 'Fleet' }],
    proposals: rows,
    voting_power: rows.map(({ id }) => ({ proposal: id, voter, vp: 100 })),
  });
  const runId = newRunId();
  const nowMs = Date.now();
  const preferences = UserPreferences.parse({});
  await deps.transitions.accept({ runId, owner, space: SPACE, dryRun: false, idempotency: null, nowMs });
  await deps.transitions.start(runId, nowMs);
  const votes: FleetVote[] = [];
  for (const [nth, { id }] of rows.entries()) {
    const proposal = await deps.hub.proposal(id);
    if (proposal === null) throw new Error('the sandbox did not take the proposal');
    votes.push({ of, runId, proposal, ballot: ballotOf(proposal.type, 1 + (nth % LABELS.length)) });
    await deps.records.putProposal(contentHash(proposal), proposal);
  }
  await deps.records.open(runId, {
    preferences,
    preferences_version: preferencesVersion(preferences),
    preferences_applied: true,
    dry_run: false,
    voter,
    errors: [],
    filter_metrics: filterMetrics(),
    selected: votes.map(({ proposal }) => ({
      proposal_id: proposal.id,
      content_hash: contentHash(proposal),
      title: proposal.title,
      link: proposal.link,
      end: proposal.end,
      voting_power: 100,
    })),
    closing_too_soon: [],
    left_over: { all: null, fresh: null },
  });
  for (const { proposal, ballot } of votes) {
    const decision = aDecision({
      run_id: runId,
      owner,
      space_id: SPACE,
      proposal_id: proposal.id,
      content_hash: contentHash(proposal),
      preferences_version: preferencesVersion(preferences),
      samples: [anAnswer({ ballot }), anAnswer({ ballot }), anAnswer({ ballot })],
      decided_at: nowMs,
    });
    await deps.records.decide(runId, proposal.id, { kind: 'decided', sealed: sealDecision(decision, deps.deciderKey) });
  }
  return votes;
}

/** What became of each vote, by the id of its job; undefined while nothing has. */
export async function outcomesOf(votes: readonly FleetVote[]): Promise<ReadonlyMap<string, OutcomeRecord | undefined>> {
  const runs = new Map(votes.map((vote) => [vote.runId, vote.of.deps.records]));
  const read = await Promise.all([...runs].map(async ([runId, records]) => [runId, await records.run(runId)] as const));
  const byRun = new Map(read);
  return new Map(
    votes.map(({ runId, proposal }) => [jobIds.vote(runId, proposal.id), byRun.get(runId)?.outcomes.get(proposal.id)]),
  );
}

/** What is wrong with what the sandbox stored: each vote has one row and one message, and it is the decision's ballot. */
export function wrongVotes(stand: Stand, votes: readonly FleetVote[]): readonly string[] {
  const { votes: rows, messages, received } = stand.sandbox().world;
  // A row could still be the last of several votes: each that was taken left a message.
  const taken = messages.filter(({ type, space }) => type === 'vote' && space === SPACE);
  const wrong = votes.flatMap(({ of, proposal, ballot }) => {
    const stored = rows.filter((row) => row.proposal === proposal.id);
    const [row] = stored;
    if (row === undefined || stored.length !== 1) return [`${proposal.id}: ${stored.length} votes`];
    if (row.voter !== of.voter) return [`${proposal.id}: by ${row.voter}`];
    const isIt = sameBallot(decodeChoice(row.choice, proposal), ballot);
    return isIt ? [] : [`${proposal.id}: stored as ${JSON.stringify(row.choice)}`];
  });
  if (taken.length === votes.length) return wrong;
  const proposals = new Map(
    received.flatMap(({ body }) => {
      const sent = Envelope.safeParse(body);
      return sent.success ? [[envelopeId(sent.data), sent.data.data.message.proposal] as const] : [];
    }),
  );
  const replaced = taken.filter(({ id }) => !rows.some((row) => row.id === id));
  const on = replaced.map(({ id }) => proposals.get(id) ?? id);
  return [...wrong, `${taken.length} votes were taken, of which these stand no more: ${on.join(' ')}`];
}
