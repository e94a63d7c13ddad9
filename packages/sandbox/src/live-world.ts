/**
 * The world while it is served: what was loaded, and what the sequencer has added since. Everything is looked up without
 * regard to case, as the real servers' database does.
 */
import { createAliasBook, type AliasBook } from './alias-book.ts';
import { createBallotBox, type BallotBox, type Standing } from './ballot-box.ts';
import type { Clock } from './clock.ts';
import { NO_HUB_RECORDS, withHubRecords } from './hub-records.ts';
import type { HubLists } from './world-extras.ts';
import type { StoredVote } from './stored-vote.ts';
import { checkReferences } from './world-references.ts';
import type {
  ApiKey,
  CompleteWorld,
  ContractWallet,
  ValidationRule,
  VotingPowerRule,
  WorldAlias,
  WorldProposal,
  WorldSpace,
  WorldVote,
} from './world.ts';

/** A signed message that the sequencer accepted. */
export type StoredMessage = {
  readonly mci: number;
  readonly id: string;
  readonly ipfs: string;
  readonly address: string;
  readonly version: string;
  readonly timestamp: number;
  readonly space: string;
  /** `vote`, `alias`, or what a world says. */
  readonly type: string;
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
  /** `why` is the score API's word for it. */
  | { readonly kind: 'failed'; readonly why: string };

type Limits = { readonly hub_per_minute: number | null; readonly sequencer_per_minute: number | null };

export type LiveWorld = {
  readonly clock: Clock;
  /** Grows each time that the world is replaced: what belongs to the world before it is void. */
  readonly generation: number;
  readonly spaces: readonly WorldSpace[];
  readonly proposals: readonly WorldProposal[];
  readonly votes: readonly StoredVote[];
  readonly aliases: readonly WorldAlias[];
  alias(address: string, alias: string): WorldAlias | null;
  /** All for whom this alias signs. */
  aliasHolders(alias: string): readonly WorldAlias[];
  readonly messages: readonly StoredMessage[];
  /** Requests a minute from one address; null: no limit. */
  readonly limits: Limits;
  readonly flaggedIps: ReadonlySet<string>;
  /** What only the hub reads. */
  readonly hub: HubLists;
  /** Forgets everything and loads a world. Throws `WorldError`, changing nothing. */
  replace(world: CompleteWorld): void;
  /** Adds; an object with an id that is there already takes its place. Throws `WorldError`, changing nothing. */
  add(world: CompleteWorld): void;
  space(id: string): WorldSpace | null;
  proposal(id: string): WorldProposal | null;
  state(proposal: WorldProposal): ProposalState;
  /** Where the count of a proposal stands; counted when asked. */
  standing(proposal: string): Standing;
  vote(voter: string, proposal: string): StoredVote | null;
  votingPower(voter: string, space: string, proposal: WorldProposal | null): VotingPower;
  validation(proposal: string): 'allow' | 'deny' | 'fail';
  message(id: string): StoredMessage | null;
  /** The contract at this address: the rule for the network, else the one for every network; null: no contract is there. */
  contractWallet(address: string, network: string): ContractWallet | null;
  apiKey(key: string): ApiKey | null;
  /** Stores a vote in place of the voter's earlier one and counts it. */
  storeVote(vote: StoredVote): void;
  /** Stores an alias; the same pair is renewed in place. */
  storeAlias(alias: WorldAlias): void;
  /** Whether the key of a Shutter proposal is out. */
  shutterReleased(proposal: string): boolean;
  releaseShutter(proposal: string): void;
  /** Takes a proposal and its votes away. */
  removeProposal(id: string): void;
  /** Appends to the accepted messages and numbers it. */
  storeMessage(message: Omit<StoredMessage, 'mci'>): void;
};

type Tables = {
  spaces: Map<string, WorldSpace>;
  proposals: Map<string, WorldProposal>;
  votes: Map<string, StoredVote>;
  aliases: AliasBook;
  /** Shutter proposals whose key is out. */
  released: Set<string>;
  messages: Map<string, StoredMessage>;
  lastMci: number;
  boxes: Map<string, BallotBox>;
  hub: HubLists;
  power: Map<string, VotingPowerRule>;
  validations: Map<string, ValidationRule>;
  contracts: Map<string, ContractWallet>;
  apiKeys: Map<string, ApiKey>;
  flaggedIps: Set<string>;
  limits: Limits;
};

export function createLiveWorld(initial: CompleteWorld, clock: Clock): LiveWorld {
  let tables = emptyTables();
  let generation = 0;

  const load = (into: Tables, world: CompleteWorld): void => {
    checkReferences({ spaces: into.spaces.keys(), proposals: into.proposals.keys() }, world);
    if (world.now !== undefined) clock.set(world.now);
    for (const space of world.spaces) into.spaces.set(key(space.id), space);
    for (const proposal of world.proposals) {
      into.proposals.set(key(proposal.id), proposal);
      if (!into.boxes.has(key(proposal.id))) into.boxes.set(key(proposal.id), createBallotBox(proposal));
    }
    for (const vote of world.votes) putVote(into, complete(vote, into), vote.created);
    for (const proposal of world.proposals) into.boxes.get(key(proposal.id))?.seal(proposal);
    for (const message of world.messages) addMessage(into, message);
    into.hub = withHubRecords(into.hub, world);
    for (const alias of world.aliases) into.aliases.put(alias);
    for (const rule of world.voting_power) into.power.set(powerKey(rule), rule);
    for (const rule of world.validations) into.validations.set(key(rule.proposal), rule);
    for (const wallet of world.contract_wallets) into.contracts.set(key(wallet.address, wallet.network ?? '*'), wallet);
    for (const apiKey of world.api_keys) into.apiKeys.set(apiKey.key, apiKey);
    for (const ip of world.flagged_ips) into.flaggedIps.add(ip);
    into.limits = {
      hub_per_minute: orKept(world.limits.hub_per_minute, into.limits.hub_per_minute),
      sequencer_per_minute: orKept(world.limits.sequencer_per_minute, into.limits.sequencer_per_minute),
    };
  };
  load(tables, initial);

  return {
    clock,
    get generation() {
      return generation;
    },
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
      return tables.aliases.list();
    },
    get messages() {
      return [...tables.messages.values()];
    },
    get limits() {
      return tables.limits;
    },
    get flaggedIps() {
      return tables.flaggedIps;
    },
    get hub() {
      return tables.hub;
    },
    replace: (world) => {
      const fresh = emptyTables();
      load(fresh, { ...world, now: world.now ?? null });
      tables = fresh;
      generation += 1;
    },
    add: (world) => load(tables, world),
    space: (id) => tables.spaces.get(key(id)) ?? null,
    proposal: (id) => tables.proposals.get(key(id)) ?? null,
    state: (proposal) => {
      const now = clock.now();
      if (now > proposal.end) return 'closed';
      return now > proposal.start ? 'active' : 'pending';
    },
    standing: (id) => {
      const box = tables.boxes.get(key(id));
      if (!box) throw new Error(`there is no proposal ${id}`);
      return box.standing();
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
      if (rule?.fail !== undefined) {
        return { kind: 'failed', why: rule.fail === true ? 'stub failure' : rule.fail };
      }
      const vp = rule?.vp ?? (rule?.pending ? 1 : 0);
      const strategies = (proposal ?? tables.spaces.get(key(space)))?.strategies.length ?? 1;
      const vp_by_strategy =
        rule?.vp_by_strategy ?? Array.from({ length: strategies }, (_, index) => (index === 0 ? vp : 0));
      return { kind: 'power', vp, vp_by_strategy, vp_state: rule?.pending ? 'pending' : 'final' };
    },
    validation: (proposal) => {
      const rule = tables.validations.get(key(proposal));
      if (rule?.fail) return 'fail';
      return rule?.allow === false ? 'deny' : 'allow';
    },
    message: (id) => tables.messages.get(key(id)) ?? null,
    contractWallet: (address, network) =>
      tables.contracts.get(key(address, network)) ?? tables.contracts.get(key(address, '*')) ?? null,
    apiKey: (name) => tables.apiKeys.get(name) ?? null,
    storeVote: (vote) => putVote(tables, vote, clock.now()),
    storeAlias: (alias) => tables.aliases.put(alias),
    alias: (address, alias) => tables.aliases.pair(address, alias),
    aliasHolders: (alias) => tables.aliases.holders(alias),
    shutterReleased: (proposal) => tables.released.has(key(proposal)),
    removeProposal: (id) => removeProposal(tables, id),
    releaseShutter: (proposal) => void tables.released.add(key(proposal)),
    storeMessage: (message) => addMessage(tables, message),
  };
}

function removeProposal(tables: Tables, id: string): void {
  tables.proposals.delete(key(id));
  tables.boxes.delete(key(id));
  for (const [name, vote] of tables.votes) if (key(vote.proposal) === key(id)) tables.votes.delete(name);
}

function putVote(tables: Tables, vote: StoredVote, at: number): void {
  tables.votes.set(key(vote.voter, vote.proposal), vote);
  tables.boxes.get(key(vote.proposal))?.put(vote, at);
}

/** Numbers a message that has no number of its own. */
function addMessage(tables: Tables, message: Omit<StoredMessage, 'mci'> & { readonly mci?: number | undefined }): void {
  const mci = message.mci ?? tables.lastMci + 1;
  tables.lastMci = Math.max(tables.lastMci, mci);
  tables.messages.set(key(message.id), { ...message, mci });
}

function emptyTables(): Tables {
  return {
    spaces: new Map(),
    proposals: new Map(),
    votes: new Map(),
    aliases: createAliasBook(),
    released: new Set(),
    messages: new Map(),
    lastMci: 0,
    boxes: new Map(),
    hub: NO_HUB_RECORDS,
    power: new Map(),
    validations: new Map(),
    contracts: new Map(),
    apiKeys: new Map(),
    flaggedIps: new Set(),
    limits: { hub_per_minute: null, sequencer_per_minute: null },
  };
}

function orKept(given: number | null | undefined, kept: number | null): number | null {
  return given === undefined ? kept : given;
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

function complete(vote: WorldVote, tables: Tables): StoredVote {
  const strategies = tables.proposals.get(key(vote.proposal))?.strategies.length ?? 1;
  const byStrategy = Array.from({ length: strategies }, (_, index) => (index === 0 ? vote.vp : 0));
  return { ...vote, vp_by_strategy: vote.vp_by_strategy ?? byStrategy };
}
