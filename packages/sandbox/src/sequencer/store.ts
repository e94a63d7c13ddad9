/**
 * Storing an accepted message. The vote-change rule is here: one vote per voter and proposal, the later *message timestamp*
 * wins whatever the order of arrival, and a loser is told so only now, after all other checks and the pinning.
 */
import type { Wallet } from 'ethers';
import type { LiveWorld } from '../live-world.ts';
import type { Accepted } from './checks.ts';
import { isOverriding } from './overriding.ts';
import { makeReceipt, type SequencerReceipt } from './receipt.ts';
import { refuse, type Refused } from './refused.ts';
import type { AcceptedVote } from './vote-checks.ts';

/** The real one's table of messages takes no longer signature. Some contract wallets make one. */
const SIGNATURE_MAX = 3_000;

export type Stored = { readonly kind: 'stored'; readonly receipt: SequencerReceipt };
/** The vote is stored, its message is not, and the answer is the database's error. */
type Broken = { readonly kind: 'broken'; readonly description: unknown };

export function store(world: LiveWorld, relayer: Wallet, accepted: Accepted, text: string): Stored | Refused | Broken {
  const { id, envelope } = accepted;
  const sig = [envelope.sig].flat().join(',');
  const receipt = makeReceipt(relayer, id, sig, text);
  const { ipfs } = receipt;
  switch (accepted.kind) {
    case 'vote': {
      const refused = storeVote(world, accepted, ipfs);
      if (refused) return refused;
      break;
    }
    case 'alias': {
      const { from: address, timestamp: created } = envelope.message;
      world.storeAlias({ id, ipfs, address, alias: accepted.alias, created });
      break;
    }
    case 'other':
      accepted.apply(ipfs);
  }
  const message = {
    id,
    ipfs,
    address: envelope.address,
    version: envelope.domain.version,
    timestamp: envelope.message.timestamp,
    space: envelope.message.space ?? '',
    type: accepted.kind === 'other' ? accepted.type : accepted.kind,
    sig,
    receipt: receipt.relayer.receipt,
  };
  // Two signatures over one message that came at once: the other was faster.
  if (world.message(id)) return refuse('duplicate message');
  if (sig.length > SIGNATURE_MAX) return { kind: 'broken', description: tooLong(message) };
  world.storeMessage(message);
  return { kind: 'stored', receipt };
}

function storeVote(world: LiveWorld, accepted: AcceptedVote, ipfs: string): Refused | null {
  const { id, proposal, power } = accepted;
  const { from, timestamp, space, proposal: named } = accepted.envelope.message;
  const previous = world.vote(from, proposal.id);
  if (previous && previous.created > timestamp) return refuse('already voted at later time');
  if (previous && previous.created === timestamp && id <= previous.id) {
    return refuse('already voted same time with lower index');
  }
  world.storeVote({
    id,
    ipfs,
    voter: from,
    created: timestamp,
    // As they were sent, in whatever case.
    space: space ?? proposal.space,
    proposal: named ?? proposal.id,
    choice: accepted.choice,
    metadata: accepted.metadata,
    reason: accepted.reason,
    app: accepted.app,
    vp: power.vp,
    vp_by_strategy: power.vp_by_strategy,
    // Others' votes may still take power from this one, or give it back.
    vp_state: proposal.strategies.some(isOverriding) ? 'pending' : power.vp_state,
    vp_value: 0,
  });
  return null;
}

/** What the database says, as the real server passes it on. */
function tooLong(message: Record<string, string | number>): unknown {
  const row = Object.entries(message).map(
    ([name, value]) => `\`${name}\` = ${typeof value === 'number' ? value : `'${value}'`}`,
  );
  const said = {
    code: 'ER_DATA_TOO_LONG',
    errno: 1406,
    sqlMessage: "Data too long for column 'sig' at row 1",
    sqlState: '22001',
    index: 0,
    sql: `INSERT INTO messages SET ${row.join(', ')}`,
  };
  return { cause: said, isOperational: true, ...said };
}
