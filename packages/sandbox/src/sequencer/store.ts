/**
 * Storing an accepted message. The vote-change rule is here: one vote per voter and proposal, the later *message timestamp*
 * wins whatever the order of arrival, and a loser is told so only now, after all other checks.
 */
import type { Wallet } from 'ethers';
import type { LiveWorld, StoredMessage } from '../live-world.ts';
import { Address } from '@quorum/snapshot/proposal';
import type { AcceptedAlias, AcceptedVote, Refused } from './checks.ts';
import { makeReceipt, type SequencerReceipt } from './receipt.ts';

export type Stored = { readonly kind: 'stored'; readonly receipt: SequencerReceipt };

export function store(
  world: LiveWorld,
  relayer: Wallet,
  accepted: AcceptedVote | AcceptedAlias,
  text: string,
): Stored | Refused {
  const { id, envelope } = accepted;
  const sig = String(envelope.sig);
  const receipt = makeReceipt(relayer, id, sig, text);
  const message: Omit<StoredMessage, 'mci'> = {
    id,
    ipfs: receipt.ipfs,
    address: envelope.address,
    version: envelope.domain.version,
    timestamp: envelope.message.timestamp,
    space: envelope.message.space ?? '',
    type: accepted.kind,
    sig,
    receipt: receipt.relayer.receipt,
  };
  if (accepted.kind === 'vote') {
    const refused = storeVote(world, accepted, receipt.ipfs);
    if (refused) return refused;
  } else {
    world.storeAlias({
      id,
      ipfs: receipt.ipfs,
      address: Address.parse(envelope.address),
      alias: Address.parse(accepted.alias),
      created: envelope.message.timestamp,
    });
  }
  world.storeMessage(message);
  return { kind: 'stored', receipt };
}

function storeVote(world: LiveWorld, accepted: AcceptedVote, ipfs: string): Refused | null {
  const { id, proposal, power } = accepted;
  const { from, timestamp } = accepted.envelope.message;
  const previous = world.vote(from, proposal.id);
  if (previous && previous.created > timestamp) return { kind: 'refused', why: 'already voted at later time' };
  if (previous && previous.created === timestamp && id <= previous.id) {
    return { kind: 'refused', why: 'already voted same time with lower index' };
  }
  world.storeVote({
    id,
    ipfs,
    voter: Address.parse(from),
    created: timestamp,
    space: proposal.space,
    proposal: proposal.id,
    choice: accepted.choice,
    metadata: accepted.metadata,
    reason: accepted.reason,
    app: kebabCase(accepted.app),
    vp: power.vp,
    vp_by_strategy: power.vp_by_strategy,
    vp_state: power.vp_state,
  });
  return null;
}

/** The sequencer stores the app's name so: `ourClient 2` becomes `our-client-2`. */
function kebabCase(text: string): string {
  const words = text.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? [];
  return words.join('-').toLowerCase();
}
