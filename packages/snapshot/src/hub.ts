/**
 * Snapshot's hub, read through its GraphQL API: spaces, proposals, votes, voting power, aliases. Read only.
 *
 * Every call takes `timeoutMs` at most and ends with the caller's signal. It throws SnapshotError for whatever goes wrong between
 * here and the hub, and the signal's own reason where the caller gave up. Nothing is retried here: whoever calls decides that.
 */
import { GraphQLClient } from 'graphql-request';
import type { z } from 'zod';
import type { OnExchange } from './exchange.ts';
import {
  AliasesAnswer,
  type HubVote,
  isAmong,
  issuesOf,
  type OddProposal,
  PingAnswer,
  ProposalAnswer,
  ProposalsAnswer,
  type ReadProposal,
  readProposal,
  type Role,
  RolesAnswer,
  type Space,
  SpaceAnswer,
  StrategiesAnswer,
  type SpaceVote,
  SpaceVotesAnswer,
  VotesAnswer,
  VotingPowerAnswer,
} from './hub-answers.ts';
import { hubError, isAboutTheQuery, malformed } from './hub-errors.ts';
import { byCreated, INT_MAX, PAGE_ROWS } from './hub-pages.ts';
import { lightFetch } from './light-fetch.ts';
import type { Address, Proposal, ProposalId, SpaceId } from './proposal.ts';
import {
  ACTIVE_PROPOSALS,
  ALIAS,
  PING,
  PROPOSAL,
  PROPOSALS,
  ROLES,
  SPACE,
  SPACE_VOTES,
  STRATEGIES,
  VOTES,
  VOTING_POWER,
} from './queries.ts';

export type { HubVote, OddProposal, ReadProposal, SpaceVote } from './hub-answers.ts';

/** The hub's limit of ids in one question. */
const MAX_IN = 100;
/**
 * The largest answer is a page of a thousand proposals. Of 483 that DAOs wrote the longest is 27 KB of JSON, with its choices, and the mean
 * 4 KB: a thousand of the longest stay below this, and so does a mean page whose strategies and plugins are seven times its texts.
 */
const MAX_ANSWER_BYTES = 32 * 2 ** 20;

export interface HubOptions {
  /** The GraphQL endpoint, for example https://hub.snapshot.org/graphql. */
  readonly url: string;
  /** Sent as `x-api-key`; passes the hub's limit of 100 requests a minute. */
  readonly apiKey?: string | undefined;
  /** For each request, answer included. */
  readonly timeoutMs: number;
  /**
   * Put around each single request, a page of a list too: it may refuse to ask, and sees what comes of it. `query`: the name of the
   * query.
   */
  readonly around?: <T>(ask: () => Promise<T>, query: string) => Promise<T>;
  readonly onExchange?: OnExchange;
}

/** A part of the list of active proposals; no proposal is in two of them. */
export interface ActivePage {
  readonly proposals: readonly Proposal[];
  readonly odd: readonly OddProposal[];
}

export interface Hub {
  /** The space, or null where the hub knows none of that id. */
  space(id: SpaceId, signal?: AbortSignal): Promise<Space | null>;
  /**
   * All active proposals of a space, newest first, a page at a time: who keeps no page holds no more than one. A proposal that
   * cannot be read is reported in `odd`; a list that cannot be read whole ends in an error, never as a shorter list.
   */
  activeProposals(space: SpaceId, signal?: AbortSignal): AsyncGenerator<ActivePage, void, undefined>;
  /** The proposal, or null where the hub knows none of that id (deleted ones too). */
  proposal(id: ProposalId, signal?: AbortSignal): Promise<Proposal | null>;
  /** These proposals, read in one query a hundred; what the hub does not know (any more) is not there. */
  proposals(ids: readonly ProposalId[], signal?: AbortSignal): Promise<ReadonlyMap<ProposalId, ReadProposal>>;
  /** All votes of one voter in a space whose messages are dated at or after `since` (Unix seconds). */
  votesInSpace(
    query: { readonly voter: Address; readonly space: SpaceId; readonly since: number },
    signal?: AbortSignal,
  ): Promise<SpaceVote[]>;
  /** The votes of one voter on these proposals, at most one for each. */
  votes(
    query: { readonly voter: Address; readonly proposals: readonly ProposalId[] },
    signal?: AbortSignal,
  ): Promise<HubVote[]>;
  /** The voter's voting power on a proposal, or without one that in the space as of now; 0 is an answer. */
  votingPower(
    query: { readonly voter: Address; readonly space: SpaceId; readonly proposal?: ProposalId },
    signal?: AbortSignal,
  ): Promise<number>;
  /** When `address` last let `alias` vote for it (Unix seconds), or null. How long that holds is the servers' own setting. */
  alias(
    query: { readonly address: Address; readonly alias: Address },
    signal?: AbortSignal,
  ): Promise<{ readonly created: number } | null>;
  /** Names, in lower case, of the strategies under which a vote takes power back from a delegate. */
  overridingStrategies(signal?: AbortSignal): Promise<ReadonlySet<string>>;
  /** The spaces in which an address is more than a voter, and as what: `admin`, `moderator`, `author`. */
  roles(address: Address, signal?: AbortSignal): Promise<readonly Role[]>;
  /** The least that it has to look up, to see whether it can. */
  ping(signal?: AbortSignal): Promise<void>;
}

/** A client of the hub; it opens no connection before the first call. */
export function createHub({ url, apiKey, timeoutMs, around = (send) => send(), onExchange }: HubOptions): Hub {
  const client = new GraphQLClient(url, {
    headers: apiKey === undefined ? {} : { 'x-api-key': apiKey },
    // A 200 whose body has `errors` is an error: its data is null or half of what was asked.
    errorPolicy: 'none',
    fetch: lightFetch(MAX_ANSWER_BYTES),
    // A redirect would take the key to wherever the answer says.
    redirect: 'manual',
  });

  async function request(
    document: string,
    variables: Record<string, unknown>,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const began = performance.now();
    const told = (status: number | null, ok: boolean): void =>
      onExchange?.({ upstream: 'hub', status, ok, durationMs: performance.now() - began });
    try {
      const answer = await client.request<unknown>({
        document,
        variables,
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      told(200, true);
      return answer;
    } catch (error) {
      signal?.throwIfAborted();
      const failed = hubError(error, timeoutMs);
      told(failed.status ?? null, isAboutTheQuery(failed));
      throw failed;
    }
  }

  async function ask<T extends z.ZodType>(
    schema: T,
    document: string,
    variables: Record<string, unknown>,
    signal: AbortSignal | undefined,
  ): Promise<z.output<T>> {
    signal?.throwIfAborted();
    const parsed = schema.safeParse(await around(() => request(document, variables, signal), queryName(document)));
    if (!parsed.success) throw malformed(issuesOf(parsed.error));
    return parsed.data;
  }

  return {
    async space(id, signal) {
      const { space } = await ask(SpaceAnswer, SPACE, { id }, signal);
      if (space !== null && space.id !== id) throw malformed('answered with another space');
      return space;
    },

    async *activeProposals(space, signal) {
      const seen = new Set<string>();
      const pages = byCreated(async (createdLte, skip) => {
        const variables = { space, first: PAGE_ROWS, skip, createdLte };
        return (await ask(ProposalsAnswer, ACTIVE_PROPOSALS, variables, signal)).proposals;
      });
      for await (const rows of pages) yield activePage(rows, space, seen);
    },

    async proposal(id, signal) {
      const { proposal: row } = await ask(ProposalAnswer, PROPOSAL, { id }, signal);
      if (row === null || row === undefined) return null;
      const read = readProposal(row);
      if (!read.ok) throw malformed(`proposal ${read.id}: ${read.why}`);
      if (read.proposal.id !== id) throw malformed('answered with another proposal');
      return read.proposal;
    },

    async proposals(ids, signal) {
      const found = new Map<ProposalId, ReadProposal>();
      for (let from = 0; from < ids.length; from += MAX_IN) {
        const chunk = ids.slice(from, from + MAX_IN);
        const { proposals: rows } = await ask(ProposalsAnswer, PROPOSALS, { ids: chunk }, signal);
        for (const row of rows) {
          const read = readProposal(row);
          const asked = chunk.find((id) => id === (read.ok ? read.proposal.id : read.id));
          if (asked === undefined) throw malformed('answered with a proposal that was not asked for');
          found.set(asked, read);
        }
      }
      return found;
    },

    async votesInSpace({ voter, space, since }, signal) {
      const votes = new Map<string, SpaceVote>();
      const pages = byCreated(async (createdLte, skip) => {
        const variables = { voter, space, since: Math.min(since, INT_MAX), first: PAGE_ROWS, skip, createdLte };
        return (await ask(SpaceVotesAnswer, SPACE_VOTES, variables, signal)).votes;
      });
      for await (const rows of pages) {
        for (const vote of rows) {
          // The hub ignores a filter that it does not know; somebody else's vote must never pass for the voter's.
          if (vote.voter !== voter || vote.space !== space) {
            throw malformed('answered with a vote that was not asked for');
          }
          votes.set(vote.id, vote);
        }
      }
      return [...votes.values()];
    },

    async votes({ voter, proposals }, signal) {
      const votes: HubVote[] = [];
      for (let from = 0; from < proposals.length; from += MAX_IN) {
        const chunk = proposals.slice(from, from + MAX_IN);
        const answer = await ask(VotesAnswer, VOTES, { voter, proposals: chunk }, signal);
        for (const vote of answer.votes) {
          // The hub ignores a filter that it does not know; somebody else's vote must never pass for the voter's.
          if (vote.voter !== voter || !isAmong(vote, chunk))
            throw malformed('answered with a vote that was not asked for');
          votes.push(vote);
        }
      }
      return votes;
    },

    async votingPower({ voter, space, proposal }, signal) {
      const { vp } = await ask(VotingPowerAnswer, VOTING_POWER, { voter, space, proposal }, signal);
      return vp.vp;
    },

    async alias({ address, alias }, signal) {
      const { aliases } = await ask(AliasesAnswer, ALIAS, { address, alias }, signal);
      const [newest] = aliases;
      if (newest === undefined) return null;
      if (newest.address !== address || newest.alias !== alias) throw malformed('answered with another alias');
      return { created: newest.created };
    },

    async overridingStrategies(signal) {
      const { strategies } = await ask(StrategiesAnswer, STRATEGIES, {}, signal);
      return new Set(strategies.filter(({ override }) => override).map(({ id }) => id.toLowerCase()));
    },

    async roles(address, signal) {
      return (await ask(RolesAnswer, ROLES, { address }, signal)).roles;
    },

    async ping(signal) {
      await ask(PingAnswer, PING, {}, signal);
    },
  };
}

/** A query's own name, which follows its first word. */
function queryName(document: string): string {
  return /^query (\w+)/.exec(document)?.[1] ?? 'unnamed';
}

/** The rows of a page that no earlier page had. */
function activePage(rows: readonly unknown[], space: SpaceId, seen: Set<string>): ActivePage {
  const proposals: Proposal[] = [];
  const odd: OddProposal[] = [];
  for (const row of rows) {
    const read = readProposal(row);
    const id = read.ok ? read.proposal.id : read.id;
    if (seen.has(id)) continue;
    seen.add(id);
    if (!read.ok) odd.push({ id, why: read.why });
    else if (read.proposal.space !== space) odd.push({ id, why: 'belongs to another space' });
    // A filter that the hub does not know is ignored silently, so its state is checked here again.
    else if (read.proposal.state === 'active') proposals.push(read.proposal);
  }
  return { proposals, odd };
}
