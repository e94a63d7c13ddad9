/** Plays a round: does what the plan says when it says so, brings everything back, and waits until it has come to rest. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { AgentRunAccepted } from '@quorum/shared/run';
import type { Ballot } from '@quorum/snapshot/ballot';
import { allHolds } from '../all-holds.ts';
import { voteByHand } from '../e2e/by-hand.ts';
import { ask } from '../e2e/outcome-cases.ts';
import { until, type Stack } from '../stack.ts';
import { leftovers, viewsOfAll, type Deeds } from './account.ts';
import { type Action, CHOICES, type ChaosSpace, planRound, PROPOSALS, type Service, SPACES } from './plan.ts';
import type { Proxy } from './proxy.ts';

const HOUR_S = 60 * 60;
/** Retries go on for half a minute, and what nobody sealed is sealed within one more. */
const REST_WITHIN_MS = 180_000;
const REPLICAS: Readonly<Record<Service, number>> = { gateway: 1, fetcher: 2, decider: 2, voter: 2 };

/** How much was done, by kind. */
export type Tally = Record<string, number>;

export type Table = {
  /** The proposals of every round so far, by id, as they were opened. */
  readonly opened: Map<string, ChaosProposal>;
  readonly stack: Stack;
  readonly proxy: Proxy;
  readonly say: (line: string) => void;
};

const proposalId = (round: number, space: ChaosSpace, nth: number): string =>
  `0x${[round + 1, SPACES.indexOf(space) + 1, nth + 1].map((part) => part.toString(16).padStart(16, '0')).join('')}${'0'.repeat(16)}`;

type ChaosProposal = ReturnType<typeof proposalsOf>[number];

/** A round's own proposals. */
function proposalsOf(round: number) {
  const nowS = Math.floor(Date.now() / 1_000);
  return SPACES.flatMap((space) =>
    Array.from({ length: PROPOSALS }, (_, nth) => ({
      id: proposalId(round, space, nth),
      space,
      type: (['basic', 'single-choice', 'approval'] as const)[nth % 3] ?? 'basic',
      title: `Proposal ${round + 1}.${nth + 1} of ${space}`,
      body: 'Build a bench at the harbour.',
      choices: [...CHOICES],
      start: nowS - 3 * HOUR_S,
      end: nowS + 12 * HOUR_S,
    })),
  );
}

/** Plays the round of this seed. Returns what was done, for the account and for people. */
export async function playRound(
  table: Table,
  seed: number,
  round: number,
): Promise<{ deeds: Omit<Deeds, 'ends'>; tally: Tally }> {
  const { stack, say } = table;
  const deeds = { accepted: new Array<Deeds['accepted'][number]>(), pauses: new Array<Deeds['pauses'][number]>() };
  const tally: Tally = {};
  const proposals = proposalsOf(round);
  for (const proposal of proposals) table.opened.set(proposal.id, proposal);
  await stack.control('PATCH', 'world', { proposals });
  const began = Date.now();
  const under_way: Promise<void>[] = [];
  for (const { at_ms: at, action } of planRound(seed, round)) {
    await pause(Math.max(0, began + at - Date.now()));
    say(`  ${((Date.now() - began) / 1_000).toFixed(1)} s  ${JSON.stringify(action)}`);
    const name = action.kind === 'kill' ? `kill ${action.service}` : action.kind;
    tally[name] = (tally[name] ?? 0) + 1;
    under_way.push(
      act(action, round, table, deeds).catch((error: unknown) => {
        // A request that nobody took is what happens to a client meanwhile. It tries again or it does not.
        say(`        in vain: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
      }),
    );
  }
  await Promise.all(under_way);
  await bringBack(table);
  await rest(table, deeds);
  return { deeds, tally };
}

type Writing = { accepted: Deeds['accepted'][number][]; pauses: Deeds['pauses'][number][] };

async function act(action: Action, round: number, { stack, proxy, opened }: Table, deeds: Writing): Promise<void> {
  switch (action.kind) {
    case 'run':
      return askForRun(stack, { space_id: action.space, dry_run: action.dry_run }, deeds);
    case 'cancel': {
      const last = deeds.accepted.at(-1);
      if (last !== undefined) await ask(stack, 'DELETE', `/agent-run/${last.run_id}`);
      return;
    }
    case 'kill':
      // Where none runs just now, nobody is to be replaced either.
      if (!(await stack.killOne(action.service, action.nth))) return;
      await pause(action.back_ms);
      return started(stack, action.service);
    case 'kill redis':
      await stack.redisServer.kill9();
      await pause(action.back_ms);
      return stack.redisServer.restart();
    case 'cut lines':
      proxy.cut();
      return;
    case 'stall lines':
      proxy.stall(action.for_ms);
      return;
    case 'fault':
      return stack.control('POST', 'faults', action.fault);
    case 'by hand': {
      const { choice, space, nth } = action;
      const chosen = { index: choice, label: CHOICES[choice - 1] ?? '' };
      const isApproval = nth % 3 === 2;
      const ballot: Ballot = isApproval ? { kind: 'approval', choices: [chosen] } : { kind: 'single', choice: chosen };
      await voteByHand(stack, proposalId(round, space, nth), ballot);
      return;
    }
    case 'edit': {
      const proposal = opened.get(proposalId(round, action.space, action.nth));
      return stack.control('PATCH', 'world', {
        proposals: [{ ...proposal, body: 'Build two benches at the harbour.' }],
      });
    }
    case 'clock':
      await stack.control('POST', 'clock', { now: Math.floor(Date.now() / 1_000) + action.by_s });
      await pause(1_000);
      return stack.control('POST', 'clock', { now: null });
    case 'pause': {
      await ask(stack, 'POST', '/voting/pause');
      const from = Date.now();
      await pause(action.for_ms);
      deeds.pauses.push({ from_ms: from, to_ms: Date.now() });
      await ask(stack, 'POST', '/voting/resume');
      return;
    }
    case 'answer': {
      const holds = await allHolds((path) => ask(stack, 'GET', path), 'waiting');
      const hold = holds.find(({ why }) => why !== 'voting_paused');
      if (hold === undefined) return;
      const choice = hold.voting_type === 'approval' && action.choice !== null ? [action.choice] : action.choice;
      const own = action.answer === 'approve' && choice !== null ? { choice } : {};
      await ask(stack, 'POST', `/holds/${hold.hold_id}`, { answer: action.answer, ...own });
      return;
    }
    case 'preferences':
      await ask(stack, 'PATCH', '/user-preferences', { instructions: action.instructions });
      return;
  }
}

/** Asks until somebody answers, under one key: a request whose answer was lost names the run that it made. */
async function askForRun({ url }: Stack, body: object, deeds: Writing): Promise<void> {
  const key = randomUUID();
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const response = await fetch(`${url}/agent-run`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
    }).catch(() => null);
    if (response?.status === 202) {
      const { run_id: runId } = AgentRunAccepted.parse(await response.json());
      deeds.accepted.push({ run_id: runId, dry_run: 'dry_run' in body && body.dry_run === true });
      return;
    }
    if (response?.status === 409) return;
    await pause(300);
  }
}

/** Starts a process of the service; one that finds Redis away and gives up is started again, as a supervisor does. */
async function started(stack: Stack, service: Service): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await stack.start(service);
    } catch (error) {
      if (attempt === 5) throw error;
      await pause(500);
    }
  }
}

async function bringBack({ stack }: Table): Promise<void> {
  await stack.control('DELETE', 'faults');
  await stack.control('POST', 'clock', { now: null });
  await until('Redis', async () => (await stack.redis.ping().catch(() => '')) === 'PONG');
  for (const service of ['gateway', 'fetcher', 'decider', 'voter'] as const) {
    while (stack.running(service) < REPLICAS[service]) await started(stack, service);
  }
  await until('the gateway', async () => (await fetch(`${stack.url}/health/ready`).catch(() => null))?.ok);
  await ask(stack, 'POST', '/voting/resume');
}

/** Waits until every run has ended, nothing is under way and all is in the audit chain; then asks once more for each space, which must do what is left. */
async function rest(table: Table, deeds: Writing): Promise<void> {
  const { stack, say } = table;
  let why = '';
  const isAtRest = async (): Promise<boolean> => {
    const views = await viewsOfAll(stack);
    const open = views.filter(({ status }) => ['queued', 'running'].includes(status));
    const left = [
      ...open.map((view) => `run ${JSON.stringify(view)}`),
      ...(await leftovers(stack)),
      ...((await isSealed(stack)) ? [] : ['an entry of the audit that is not sealed']),
    ];
    why = left.join('\n');
    return left.length === 0;
  };
  const ended = async (): Promise<void> => {
    try {
      // A line to a gateway that was killed meanwhile may break once more.
      await until('everything to come to rest', () => isAtRest().catch(() => false), REST_WITHIN_MS);
    } catch (error) {
      say(`still there:\n${why}\n${await stack.logs()}`);
      throw error;
    }
  };
  await ended();
  for (const space of SPACES) await askForRun(stack, { space_id: space, dry_run: false }, deeds);
  await ended();
}

/** Whether all that transitions told is in the chain by now: that is done once a minute at the latest. */
async function isSealed({ redis }: Stack): Promise<boolean> {
  for (const key of await redis.keys('{quorum}:audit:voter:*')) {
    if ((await redis.xlen(key)) > 0) return false;
  }
  return true;
}
