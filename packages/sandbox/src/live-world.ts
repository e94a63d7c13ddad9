/**
 * The world while it is served: what was loaded, and what the sequencer has added since. Everything is looked up without
 * regard to case, as the real servers' database does.
 */
import type { Clock } from './clock.ts';
import { tally } from './sequencer/tally.ts';
import {
  WorldError,
  type CompleteWorld,
  type ValidationRule,
  type VotingPowerRule,
  type WorldAlias,
  type WorldProposal,
  type WorldSpace,
  type WorldVote,
} from './world.ts';

/** A vote as it is kept. `choice` is the encoded one: number, array or object. */
export type StoredVote = Required<Omit<WorldVote, 'vp_by_strategy'>> & { readonly vp_by_strategy: readonly number[] };

/** A signed message that the sequencer accepted. */
export type StoredMessage = {
  readonly mci: number;
  readonly id: string;
  readonly ipfs: string;
  readonly address: string;
  readonly version: string;
  readonly timestamp: number;
  readonly space: string;
  readonly type: 'vote' | 'alias';
  readonly sig: string;
  readonly receipt: string;
};

type ProposalState = 'pending' | 'active' | 'closed';

export type VotingPower =
  | {
      readonly kind: 'power';
      readonly vp: number;
      readonly vp_by_strategy: readonly number[];
      readonly vp_state: 'final' | 'pending';
    }
  | { readonly kind: 'failed' };

export type LiveWorld = {
  readonly clock: Clock;
  readonly spaces: readonly WorldSpace[];
  readonly proposals: readonly WorldProposal[];
  readonly votes: readonly StoredVote[];
  readonly aliases: readonly WorldAlias[];
  readonly messages: readonly StoredMessage[];
  /** Forgets everything and loads a world. Throws `WorldError`, changing nothing. */
  replace(world: CompleteWorld): void;
  /** Adds; an object with an id that is there already takes its place. Throws `WorldError`, changing nothing. */
  add(world: CompleteWorld): void;
  space(id: string): WorldSpace | null;
  proposal(id: string): WorldProposal | null;
  state(proposal: WorldProposal): ProposalState;
  vote(voter: string, proposal: string): StoredVote | null;
  votingPower(voter: string, space: string, proposal: WorldProposal | null): VotingPower;
  validation(proposal: string): 'allow' | 'deny' | 'fail';
  message(id: string): StoredMessage | null;
  /** Stores a vote in place of the voter's earlier one and counts it. */
  storeVote(vote: StoredVote): void;
  /** Stores an alias; the same pair is renewed in place. */
  storeAlias(alias: WorldAlias): void;
  /** Appends to the accepted messages and numbers it. */
  storeMessage(message: Omit<StoredMessage, 'mci'>): void;
};

type Tables = {
  spaces: Map<string, WorldSpace>;
  proposals: Map<string, WorldProposal>;
  votes: Map<string, StoredVote>;
  aliases: Map<string, WorldAlias>;
  messages: Map<string, StoredMessage>;
  power: Map<string, VotingPowerRule>;
  validations: Map<string, ValidationRule>;
};

export function createLiveWorld(initial: CompleteWorld, clock: Clock): LiveWorld {
  let tables = emptyTables();

  const load = (into: Tables, world: CompleteWorld): void => {
    checkReferences(into, world);
    if (world.now !== undefined) clock.set(world.now);
    for (const space of world.spaces) into.spaces.set(key(space.id), space);
    for (const proposal of world.proposals) into.proposals.set(key(proposal.id), counted(proposal));
    for (const vote of world.votes) into.votes.set(key(vote.voter, vote.proposal), complete(vote, into));
    for (const alias of world.aliases) into.aliases.set(key(alias.address, alias.alias), alias);
    for (const rule of world.voting_power) into.power.set(powerKey(rule), rule);
    for (const rule of world.validations) into.validations.set(key(rule.proposal), rule);
  };
  load(tables, initial);

  return {
    clock,
    get spaces() {
      return [...tables.spaces.values()];
    },
    get proposals() {
      return [...tables.proposals.values()];
    },
    get votes() {
      return [...tables.votes.values()];
    },
    get aliases() {
      return [...tables.aliases.values()];
    },
    get messages() {
      return [...tables.messages.values()];
    },
    replace: (world) => {
      const fresh = emptyTables();
      load(fresh, { ...world, now: world.now ?? null });
      tables = fresh;
    },
    add: (world) => load(tables, world),
    space: (id) => tables.spaces.get(key(id)) ?? null,
    proposal: (id) => tables.proposals.get(key(id)) ?? null,
    state: (proposal) => {
      const now = clock.now();
      if (now > proposal.end) return 'closed';
      return now > proposal.start ? 'active' : 'pending';
    },
    vote: (voter, proposal) => tables.votes.get(key(voter, proposal)) ?? null,
    votingPower: (voter, space, proposal) => {
      const candidates = [
        proposal ? powerKey({ proposal: proposal.id, voter }) : null,
        powerKey({ space, voter }),
        proposal ? powerKey({ proposal: proposal.id }) : null,
        powerKey({ space }),
      ];
      const rule = candidates.map((name) => (name === null ? undefined : tables.power.get(name))).find(Boolean);
      if (rule?.fail) return { kind: 'failed' };
      const vp = rule?.vp ?? 0;
      const strategies = (proposal ?? tables.spaces.get(key(space)))?.strategies.length ?? 1;
      const vp_by_strategy = Array.from({ length: strategies }, (_, index) => (index === 0 ? vp : 0));
      return { kind: 'power', vp, vp_by_strategy, vp_state: rule?.pending ? 'pending' : 'final' };
    },
    validation: (proposal) => {
      const rule = tables.validations.get(key(proposal));
      if (rule?.fail) return 'fail';
      return rule?.allow === false ? 'deny' : 'allow';
    },
    message: (id) => tables.messages.get(key(id)) ?? null,
    storeVote: (vote) => {
      const name = key(vote.voter, vote.proposal);
      const previous = tables.votes.get(name);
      tables.votes.set(name, vote);
      const proposal = tables.proposals.get(key(vote.proposal));
      if (!proposal) return;
      const { type, choices } = proposal;
      const gained = tally(vote.choice, vote.vp, type, choices.length);
      const lost = previous ? tally(previous.choice, previous.vp, type, choices.length) : [];
      const scores = proposal.scores.map((score, index) =>
        Math.max(0, score + (gained[index] ?? 0) - (lost[index] ?? 0)),
      );
      tables.proposals.set(key(proposal.id), { ...proposal, scores, votes: proposal.votes + (previous ? 0 : 1) });
    },
    storeAlias: (alias) => {
      tables.aliases.set(key(alias.address, alias.alias), alias);
    },
    storeMessage: (message) => {
      tables.messages.set(key(message.id), { mci: tables.messages.size + 1, ...message });
    },
  };
}

function emptyTables(): Tables {
  return {
    spaces: new Map(),
    proposals: new Map(),
    votes: new Map(),
    aliases: new Map(),
    messages: new Map(),
    power: new Map(),
    validations: new Map(),
  };
}

function key(...parts: readonly string[]): string {
  return parts.join('|').toLowerCase();
}

function powerKey(rule: {
  space?: string | undefined;
  proposal?: string | undefined;
  voter?: string | undefined;
}): string {
  const where = rule.proposal === undefined ? `space:${rule.space ?? ''}` : `proposal:${rule.proposal}`;
  return key(where, rule.voter ?? '*');
}

/** A proposal with a score for each choice. */
function counted(proposal: WorldProposal): WorldProposal {
  return proposal.scores.length > 0 ? proposal : { ...proposal, scores: proposal.choices.map(() => 0) };
}

function complete(vote: WorldVote, tables: Tables): StoredVote {
  const strategies = tables.proposals.get(key(vote.proposal))?.strategies.length ?? 1;
  const byStrategy = Array.from({ length: strategies }, (_, index) => (index === 0 ? vote.vp : 0));
  return { ...vote, vp_by_strategy: vote.vp_by_strategy ?? byStrategy };
}

/** What a world names must be there, in itself or in what it is added to. */
function checkReferences(tables: Tables, world: CompleteWorld): void {
  const spaces = new Set([...tables.spaces.keys(), ...world.spaces.map((space) => key(space.id))]);
  const proposals = new Set([...tables.proposals.keys(), ...world.proposals.map((proposal) => key(proposal.id))]);
  const missing = [
    ...world.proposals.filter((p) => !spaces.has(key(p.space))).map((p) => `proposal ${p.id}: no space ${p.space}`),
    ...world.votes.filter((v) => !proposals.has(key(v.proposal))).map((v) => `vote ${v.id}: no proposal ${v.proposal}`),
    ...world.validations
      .filter((v) => !proposals.has(key(v.proposal)))
      .map((v) => `validation: no proposal ${v.proposal}`),
    ...world.voting_power
      .filter((rule) => rule.proposal !== undefined && !proposals.has(key(rule.proposal)))
      .map((rule) => `voting_power: no proposal ${rule.proposal}`),
    ...world.voting_power
      .filter((rule) => rule.space !== undefined && !spaces.has(key(rule.space)))
      .map((rule) => `voting_power: no space ${rule.space}`),
  ];
  if (missing.length > 0) throw new WorldError(missing.join('\n'));
}
