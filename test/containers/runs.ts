/** Runs against a Quorum in containers, and what the sandbox beside it has seen of them. */
import { randomBytes } from 'node:crypto';
import type { Fault } from '@quorum/sandbox/faults';
import type { World } from '@quorum/sandbox/world';
import { DEMO_SPACE, demoWorld } from '@quorum/sandbox/worlds/demo';
import { AgentRunAccepted, AgentRunView, ProposalRanking, type AgentRunResponse } from '@quorum/shared/run';
import { Address, ProposalId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { until } from '../stack.ts';
import type { Project } from './project.ts';

const SANDBOX = 'http://127.0.0.1:4010';

/** What the hub shows of a vote. */
const Vote = z
  .object({ voter: Address, choice: z.unknown(), proposal: z.object({ id: ProposalId }) })
  .transform(({ voter, choice, proposal }) => ({ voter, choice, proposal_id: proposal.id }));
export type Vote = z.infer<typeof Vote>;

const Received = z.object({ received: z.array(z.looseObject({ endpoint: z.string(), answer: z.unknown() })) });

/** Calls the gateway by its published port; `key` is an API key. */
export async function call(
  project: Project,
  method: string,
  route: string,
  { body, key }: { readonly body?: unknown; readonly key?: string } = {},
): Promise<Response> {
  return await fetch(`${project.url}${route}`, {
    method,
    headers: {
      ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    redirect: 'manual',
  });
}

export type RunOptions = { readonly dryRun?: boolean; readonly key?: string };

export async function post(project: Project, { dryRun = false, ...auth }: RunOptions = {}): Promise<string> {
  const body = { space_id: DEMO_SPACE, dry_run: dryRun };
  const answer = await call(project, 'POST', '/agent-run', { body, ...auth });
  if (answer.status !== 202) throw new Error(`POST /agent-run: ${answer.status} ${await answer.text()}`);
  return AgentRunAccepted.parse(await answer.json()).run_id;
}

export async function finished(project: Project, runId: string, key?: string): Promise<AgentRunResponse> {
  return await until(`the end of run ${runId}`, async () => {
    const answer = await call(project, 'GET', `/agent-run/${runId}`, key === undefined ? {} : { key });
    if (answer.status !== 200) throw new Error(`GET /agent-run: ${answer.status} ${await answer.text()}`);
    return AgentRunView.parse(await answer.json()).result;
  });
}

/** Sends a run and waits for its end. */
export async function run(project: Project, options: RunOptions = {}): Promise<AgentRunResponse> {
  return await finished(project, await post(project, options), options.key);
}

/** The sandbox's control API, which listens on its own loopback. */
export async function control(project: Project, method: string, command: string, body?: unknown): Promise<string> {
  const answer = await project.ask(await project.the('sandbox'), `${SANDBOX}/_sandbox/${command}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (answer.status !== 200) throw new Error(`${method} /_sandbox/${command}: ${answer.status} ${answer.text}`);
  return answer.text;
}

/**
 * Opens so many proposals on which the sandbox's model is sure of itself, and gives back their ids. A run that starts now has them:
 * the list of a space is shared for some seconds, and may be one of before.
 */
export async function openProposals(project: Project, count: number): Promise<readonly ProposalId[]> {
  const { proposals = [] } = demoWorld({ now: Math.floor(Date.now() / 1_000) });
  const sure = proposals.find(({ title }) => title.startsWith('HCP-42'));
  if (sure === undefined) throw new Error('The demo has no HCP-42 any more');
  const ids = Array.from({ length: count }, () => ProposalId.parse(`0x${randomBytes(32).toString('hex')}`));
  const world: World = { proposals: ids.map((id) => ({ ...sure, id })) };
  await control(project, 'PATCH', 'world', world);
  await until('a list with the new proposals', async () => {
    const answer = await call(project, 'GET', `/proposals?space_id=${DEMO_SPACE}`);
    const { filter_metrics } = ProposalRanking.parse(await answer.json());
    const ranked = new Set(filter_metrics.ranked.map(({ proposal_id }) => proposal_id));
    return ids.every((id) => ranked.has(id));
  });
  return ids;
}

/** Makes each request to the endpoint take so long, and gives back a wait for the next one that it works on. */
export async function slowDown(
  project: Project,
  fault: Pick<Fault, 'endpoint' | 'latency_ms'>,
): Promise<{ readonly untilAsked: () => Promise<void> }> {
  const received = async () => Received.parse(JSON.parse(await control(project, 'GET', 'received'))).received;
  await control(project, 'POST', 'faults', { ...fault, share: 1 });
  // What a client gave up waiting for stays without an answer.
  const before = (await received()).length;
  return {
    async untilAsked() {
      await until(`a request to the ${fault.endpoint}`, async () =>
        (await received()).slice(before).some(({ endpoint, answer }) => endpoint === fault.endpoint && answer === null),
      );
    },
  };
}

/** Every vote that the hub shows on these proposals. */
export async function votesOn(project: Project, proposals: readonly string[]): Promise<readonly Vote[]> {
  const query = `query ($ids: [String]) {
    votes(first: 1000, where: { proposal_in: $ids }) { voter choice proposal { id } }
  }`;
  const answer = await project.ask(await project.the('sandbox'), `${SANDBOX}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { ids: proposals } }),
  });
  return z.object({ data: z.object({ votes: z.array(Vote) }) }).parse(JSON.parse(answer.text)).data.votes;
}

/** What was chosen where, to compare votes with votes. */
export function ballotsOf(votes: readonly { readonly proposal_id: string; readonly choice?: unknown }[]): string[] {
  return votes.map(({ proposal_id, choice }) => `${proposal_id}: ${JSON.stringify(choice)}`).toSorted();
}
