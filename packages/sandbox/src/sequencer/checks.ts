/**
 * The sequencer's checks, in its order and its words. Each returns the first word of refusal that applies; the order is
 * part of the behaviour, since a client learns only the first thing that is wrong.
 */
import { z } from 'zod';
import type { LiveWorld, VotingPower } from '../live-world.ts';
import type { WorldProposal } from '../world.ts';
import type { MessageKind } from './accepted-types.ts';
import { isValidChoice } from './choices.ts';
import { isEnsName, kindOf, parseEnvelope, signedMessageId, type ParsedEnvelope } from './envelope.ts';
import type { EncodedChoice } from './tally.ts';

const DAY = 24 * 60 * 60;
/** How old and how far ahead a message may be dated, in seconds. */
const OLDEST = 6 * DAY;
const FURTHEST = 300;
/** How long an alias lasts in the version that the cases were recorded on. */
const ALIAS_LIFETIME = 30 * DAY;
const MESSAGE_MAX = 100_000;
const METADATA_MAX = 2_000;

export type Refused = { readonly kind: 'refused'; readonly why: string };

export type AcceptedVote = {
  readonly kind: 'vote';
  readonly id: string;
  readonly envelope: ParsedEnvelope;
  readonly proposal: WorldProposal;
  readonly choice: EncodedChoice;
  readonly reason: string;
  readonly app: string;
  readonly metadata: Record<string, unknown>;
  readonly power: Extract<VotingPower, { kind: 'power' }>;
};

export type AcceptedAlias = {
  readonly kind: 'alias';
  readonly id: string;
  readonly envelope: ParsedEnvelope;
  readonly alias: string;
};

export type Checked = Refused | AcceptedVote | AcceptedAlias;

function refuse(why: string): Refused {
  return { kind: 'refused', why };
}

/** Runs all checks up to pinning on one posted envelope. `text` is the body as it came. */
export function check(world: LiveWorld, body: unknown, text: string): Checked {
  const envelope = parseEnvelope(body);
  if (!envelope) return refuse('wrong envelope format');
  const { domain, message } = envelope;
  if (text.length > MESSAGE_MAX) return refuse('too large message');
  const now = world.clock.now();
  if (message.timestamp > now + FURTHEST || message.timestamp < now - OLDEST) return refuse('wrong timestamp');
  if (message.proposal !== undefined && /\s/.test(message.proposal))
    return refuse('proposal cannot contain whitespace');
  if (domain.name !== 'snapshot' || domain.version !== '0.1.4') return refuse('wrong domain');
  const kind = kindOf(envelope);
  if (!kind) return refuse('wrong types');
  if (kind !== 'alias') {
    if (!isEnsName(message.space ?? '')) return refuse('Invalid space id');
    if (!world.space(message.space ?? '')) return refuse('unknown space');
  }
  if (envelope.address !== message.from) {
    if (kind === 'alias') return refuse('alias not allowed for the type: alias');
    if (!hasAlias(world, message.from, envelope.address)) return refuse('wrong alias');
  }
  const id = signedMessageId(envelope);
  if (id === null) return refuse('signature validation failed');
  if (world.message(id)) return refuse('duplicate message');
  return kind === 'alias' ? checkAlias(world, envelope, id) : checkVote(world, envelope, id, kind);
}

function hasAlias(world: LiveWorld, address: string, alias: string): boolean {
  const oldest = world.clock.now() - ALIAS_LIFETIME;
  return world.aliases.some((row) => row.address === address && row.alias === alias && row.created > oldest);
}

const AliasMessage = z.object({ alias: z.string() });

function checkAlias(world: LiveWorld, envelope: ParsedEnvelope, id: string): Refused | AcceptedAlias {
  const parsed = AliasMessage.safeParse(envelope.message);
  if (!parsed.success) return refuse('wrong alias format');
  const { alias } = parsed.data;
  if (alias === envelope.address) return refuse('alias cannot be the same as the address');
  const taken = world.aliases.some((row) => row.alias === alias && row.address !== envelope.address);
  if (taken) return refuse('alias is already linked to another address');
  return { kind: 'alias', id, envelope, alias };
}

const VoteFields = z.object({
  choice: z.union([z.number(), z.string(), z.array(z.unknown()), z.record(z.string(), z.unknown())]),
  reason: z.string().max(5_000).default(''),
  app: z.string().max(24).default(''),
  metadata: z.record(z.string(), z.unknown()),
});

/** The shapes in which a choice that passed its rules is kept. */
const Encoded = z.union([z.number(), z.string(), z.array(z.number()), z.record(z.string(), z.number())]);

function checkVote(
  world: LiveWorld,
  envelope: ParsedEnvelope,
  id: string,
  kind: Exclude<MessageKind, 'alias'>,
): Refused | AcceptedVote {
  const { message } = envelope;
  const metadataText = message['metadata'];
  if (typeof metadataText === 'string' && metadataText.length > METADATA_MAX) return refuse('too large metadata');

  const named = world.proposal(message.proposal ?? '');
  const proposal = named && named.space.toLowerCase() === message.space?.toLowerCase() ? named : null;
  let choice: unknown = message.choice;
  if (kind === 'vote-string') {
    if (!proposal) return refuse('unknown proposal');
    if (proposal.privacy !== 'shutter') {
      const parsed = parseJson(choice);
      if (!parsed.ok) return refuse('invalid choice');
      choice = parsed.value;
    }
  }

  const fields = VoteFields.safeParse({ ...message, choice, metadata: readMetadata(metadataText) });
  if (!fields.success) return refuse('wrong vote format');
  if (!proposal) return refuse('unknown proposal');
  const now = world.clock.now();
  const open = (time: number): boolean => proposal.start <= time && time <= proposal.end;
  if (!open(message.timestamp) || !open(now)) return refuse('not in voting window');

  if (proposal.privacy === 'shutter') {
    if (fields.data.reason !== '') return refuse('reason not allowed with shutter');
    if (typeof choice !== 'string' || !choice.startsWith('0x')) return refuse('invalid choice');
  } else if (!isValidChoice(choice, proposal.type, proposal.choices.length)) return refuse('invalid choice');
  const encoded = Encoded.safeParse(choice);
  if (!encoded.success) return refuse('invalid choice');

  const validation = world.validation(proposal.id);
  if (validation === 'deny') return refuse('failed vote validation');
  if (validation === 'fail') return refuse('failed to check vote validation');
  const power = world.votingPower(message.from, proposal.space, proposal);
  if (power.kind === 'failed') return refuse('failed to check voting power');
  if (power.vp === 0) return refuse('no voting power');

  const { reason, app, metadata } = fields.data;
  return { kind: 'vote', id, envelope, proposal, choice: encoded.data, reason, app, metadata, power };
}

/** Unparsable metadata counts as none; what parses to something else than an object is refused by `VoteFields`. */
function readMetadata(text: unknown): unknown {
  const parsed = parseJson(text);
  return parsed.ok ? parsed.value : {};
}

function parseJson(text: unknown): { ok: true; value: unknown } | { ok: false } {
  if (typeof text !== 'string') return { ok: false };
  try {
    const value: unknown = JSON.parse(text);
    return { ok: true, value };
  } catch {
    // Not JSON is one of the two answers.
    return { ok: false };
  }
}
