/** The account of a round: read from the API, the sandbox and Redis once everything has come to rest. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { verifyAudit } from '@quorum/shared/audit-verify';
import { RunId } from '@quorum/shared/ids';
import type { AgentRunView } from '@quorum/shared/run';
import { decodeChoice } from '@quorum/snapshot/encode';
import { createHub } from '@quorum/snapshot/hub';
import { type Proposal, ProposalId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { allHolds } from '../all-holds.ts';
import { PATIENT } from '../patience.ts';
import { dump } from '../redis-dump.ts';
import type { Stack } from '../stack.ts';
import { ask } from '../e2e/outcome-cases.ts';
import { measureLevels } from './levels.ts';
import type { Account, Standing, Stored } from './invariants.ts';

/** Longer than anything that is held for a question. */
const LONGEST_HOLD_MS = 15 * 60_000;

/** What this harness did itself. */
export type Deeds = Pick<Account, 'accepted' | 'pauses' | 'ends'>;
type Before = Account['levels']['before'];

const BY_AGENT = z.looseObject({ agent: z.literal(true) });
const bySomebody = (metadata: unknown): 'agent' | 'hand' => (BY_AGENT.safeParse(metadata).success ? 'agent' : 'hand');

/** The part of a vote's envelope that says whose it is and what for. */
const Sent = z.object({
  data: z.object({ message: z.object({ proposal: z.string(), metadata: z.string() }) }),
});

/** The runs that there are, and not only those that somebody asked for. */
async function runIds({ redis }: Stack): Promise<RunId[]> {
  return (await redis.keys('{quorum}:run:*')).map((key) => RunId.parse(key.split(':').at(-1)));
}

/** What the API says of every run, asked for one after the other: all at once would open a connection each. */
export async function viewsOfAll(stack: Stack): Promise<AgentRunView[]> {
  const views: AgentRunView[] = [];
  for (const id of await runIds(stack)) views.push(await stack.view(id));
  return views;
}

export async function readAccount(stack: Stack, deeds: Deeds, before: Before): Promise<Account> {
  const runs = await viewsOfAll(stack);
  const holds = await allHolds((route) => ask(stack, 'GET', route));
  return {
    ...deeds,
    runs,
    holds,
    stored: storedVotes(stack),
    standing: await standingVotes(stack),
    audit: await auditFaults(stack),
    leftovers: await leftovers(stack),
    exposed: await exposed(stack),
    levels: { before, now: await measureLevels(stack) },
  };
}

/** What the sequencer stored: it may have been told of as an error, or not at all. */
function storedVotes({ sandbox }: Stack): Stored[] {
  const messages = sandbox.world.messages.filter(({ type }) => type === 'vote');
  return messages.flatMap(({ id, sig }) => {
    // The bytes may have come several times: the first that arrived was stored.
    const exchange = sandbox.world.received.find(
      ({ endpoint, body }) => endpoint === 'sequencer' && JSON.stringify(body).includes(sig),
    );
    const sent = Sent.safeParse(exchange?.body);
    if (exchange === undefined || !sent.success) return [];
    const { proposal, metadata } = sent.data.data.message;
    return [{ id, proposal, by: bySomebody(JSON.parse(metadata || '{}')), at_ms: exchange.arrived_ms }];
  });
}

async function standingVotes({ sandbox }: Stack): Promise<Standing[]> {
  const hub = createHub({ url: `${sandbox.url}/graphql`, timeoutMs: PATIENT.timeout });
  const proposals = new Map<string, Proposal>();
  for (const { proposal: id } of sandbox.world.votes) {
    const proposal = await hub.proposal(ProposalId.parse(id));
    if (proposal !== null) proposals.set(id, proposal);
  }
  return sandbox.world.votes.flatMap(({ id, proposal, metadata, choice }) => {
    const on = proposals.get(proposal);
    return on === undefined ? [] : [{ id, proposal, by: bySomebody(metadata), ballot: decodeChoice(choice, on) }];
  });
}

async function auditFaults(stack: Stack): Promise<string[]> {
  const text = await (await fetch(`${stack.url}/audit`)).text();
  const hub = createHub({ url: `${stack.sandbox.url}/graphql`, timeoutMs: PATIENT.timeout });
  const proposals = stack.sandbox.world.votes.map(({ proposal }) => ProposalId.parse(proposal));
  const votes = proposals.length === 0 ? [] : await hub.votes({ voter: stack.voter, proposals });
  const ours = votes.filter(({ metadata }) => bySomebody(metadata) === 'agent');
  const { faults } = verifyAudit(text.split('\n').slice(0, -1), { heads: [], votes: ours, keys: [] });
  return faults.map((fault) => JSON.stringify(fault));
}

/** What a run holds while it is open, and must have given back. */
export async function leftovers({ redis }: Pick<Stack, 'redis'>): Promise<string[]> {
  const left = await redis.keys('{quorum}:active:*');
  for (const key of await redis.keys('{quorum}:budget:*')) {
    for (const [field, value] of Object.entries(await redis.hgetall(key))) {
      // A decider that was killed gives nothing back: what it held counts as spent once its time is over (`budget.ts`).
      const until = Number(value.split(':')[1]);
      if (field.startsWith('hold:') && until > Date.now() + LONGEST_HOLD_MS) left.push(`${key} ${field}`);
    }
  }
  for (const key of await redis.keys('{quorum}:ledger:*')) {
    // `reserve` writes no count; the first send does.
    const { state, sends = '0' } = await redis.hgetall(key);
    if (state === 'reserved' && sends === '0') left.push(`${key} is reserved and was never sent`);
  }
  for (const queue of ['agent-run', 'decide', 'vote']) {
    for (const list of ['wait', 'active'] as const) {
      const ids = await redis.lrange(`{quorum}:bull:${queue}:${list}`, 0, -1);
      left.push(...ids.filter(isOfARun).map((id) => `${queue} ${list} ${id}`));
    }
    const waiting = [
      ...(await redis.zrange(`{quorum}:bull:${queue}:waiting-children`, '0', '-1')),
      ...(await redis.zrange(`{quorum}:bull:${queue}:prioritized`, '0', '-1')),
    ];
    left.push(...waiting.filter(isOfARun).map((id) => `${queue} ${id}`));
  }
  return left;
}

/** Whether this job is of a run or a hold: their ids say so. What is timed comes by its own time, also while everything else rests. */
function isOfARun(jobId: string): boolean {
  return /^(cast-hold-|decide-|vote-|[0-9a-f]{8}-[0-9a-f]{4}-)/.test(jobId);
}

/** The files of secrets whose content is in Redis or in a log. */
async function exposed(stack: Stack): Promise<string[]> {
  const everything = `${await stack.logs()}\n${await dump(stack.redis)}`;
  const files = await readdir(stack.secrets, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const file of files) {
    if (!file.isFile() || file.name === 'signers.json') continue;
    const secret = (await readFile(path.join(file.parentPath, file.name), 'utf8')).trim();
    if (secret.length >= 16 && everything.includes(secret)) found.push(file.name);
  }
  return found;
}
