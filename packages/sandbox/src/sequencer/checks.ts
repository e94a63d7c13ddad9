/**
 * The sequencer's checks, in its order and its words. Each returns the first word of refusal that applies; the order is
 * part of the behaviour, since a client learns only the first thing that is wrong.
 */
import { createHash } from 'node:crypto';
import { hexlify } from 'ethers';
import { z } from 'zod';
import type { SandboxRequest } from '../http.ts';
import type { LiveWorld } from '../live-world.ts';
import { isVote, type MessageKind } from './accepted-types.ts';
import { checksummed, isEnsName, kindOf, parseEnvelope, structOf, type ParsedEnvelope } from './envelope.ts';
import { checkOther, type AcceptedOther } from './other-messages.ts';
import { refuse, type Refused } from './refused.ts';
import { isSigned } from './signature.ts';
import type { TypedDataHasher } from './typed-data.ts';
import { checkVote, type AcceptedVote } from './vote-checks.ts';

const DAY = 24 * 60 * 60;
/** How old and how far ahead a message may be dated, in seconds. */
const OLDEST = 6 * DAY;
const FURTHEST = 300;
/** How long an alias lasts in the version that the cases were recorded on. */
const ALIAS_LIFETIME = 30 * DAY;
const MESSAGE_MAX = 100_000;

/** What an alias may not sign for its holder. */
const ONLY_IN_PERSON: readonly MessageKind[] = ['alias', 'settings', 'delete-space'];
/** What is signed on no space's network. */
const WITHOUT_SPACE: readonly MessageKind[] = ['alias', 'settings', 'profile'];

export type AcceptedAlias = {
  readonly kind: 'alias';
  readonly id: string;
  readonly envelope: ParsedEnvelope;
  readonly alias: NonNullable<ReturnType<typeof checksummed>>;
};

export type Accepted = AcceptedVote | AcceptedAlias | AcceptedOther;
export type Checked = Refused | Accepted;

/** Runs all checks up to pinning on one posted envelope. */
export function check(world: LiveWorld, hasher: TypedDataHasher, request: SandboxRequest): Checked {
  if (isFlagged(world, request.ip)) return refuse('unauthorized');
  const envelope = parseEnvelope(request.body);
  if (!envelope) return refuse('wrong envelope format');
  const { domain, message } = envelope;
  // White space in the body does not count, so a text that is short enough needs no second look.
  if (request.text.length > MESSAGE_MAX && JSON.stringify(request.body).length > MESSAGE_MAX) {
    return refuse('too large message');
  }
  const now = world.clock.now();
  if (message.timestamp > now + FURTHEST || message.timestamp < now - OLDEST) return refuse('wrong timestamp');
  if (message.proposal !== undefined && /\s/.test(message.proposal)) {
    return refuse('proposal cannot contain whitespace');
  }
  if (domain.name !== 'snapshot' || domain.version !== '0.1.4') return refuse('wrong domain');
  const kind = kindOf(envelope);
  if (!kind) return refuse('wrong types');

  let network = '1';
  if (!WITHOUT_SPACE.includes(kind)) {
    const id = message.space;
    if (id === undefined) return refuse('unknown space');
    if (!isEnsName(id)) return refuse('Invalid space id');
    const space = world.space(id);
    if (!space) return refuse('unknown space');
    network = space.network;
  }
  if (envelope.address !== message.from) {
    if (ONLY_IN_PERSON.includes(kind)) return refuse(`alias not allowed for the type: ${kind}`);
    if (!isLiveAlias(world, message.from, envelope.address)) return refuse('wrong alias');
  }

  const hash = hashOf(hasher, envelope);
  if (!hash || !isSigned(envelope, hash, network, world)) return refuse('signature validation failed');
  const id = hexlify(hash);
  if (world.message(id)) return refuse('duplicate message');
  if (isVote(kind)) return checkVote(world, envelope, id, kind);
  return kind === 'alias' ? checkAlias(world, envelope, id) : checkOther(world, envelope, id, kind);
}

/** The list holds addresses or, as the real one, their SHA-256. */
function isFlagged(world: LiveWorld, ip: string): boolean {
  const { flaggedIps } = world;
  if (flaggedIps.size === 0) return false;
  return flaggedIps.has(ip) || flaggedIps.has(createHash('sha256').update(ip).digest('hex'));
}

function isLiveAlias(world: LiveWorld, address: string, alias: string): boolean {
  const pair = world.alias(address, alias);
  return pair !== null && pair.created > world.clock.now() - ALIAS_LIFETIME;
}

function hashOf(hasher: TypedDataHasher, envelope: ParsedEnvelope): Uint8Array | null {
  const struct = structOf(envelope);
  if (!struct) return null;
  try {
    return hasher.hash(envelope.domain, struct.name, struct.fields, envelope.message);
  } catch {
    // The message does not fit its types: nobody can have signed it.
    return null;
  }
}

const AliasMessage = z.object({ alias: z.string() });

function checkAlias(world: LiveWorld, envelope: ParsedEnvelope, id: string): Refused | AcceptedAlias {
  const parsed = AliasMessage.safeParse(envelope.message);
  const alias = parsed.success ? checksummed(parsed.data.alias) : null;
  if (alias === null) return refuse('wrong alias format');
  if (alias === envelope.address) return refuse('alias cannot be the same as the address');
  const taken = world.aliasHolders(alias).some((row) => row.address !== envelope.address);
  if (taken) return refuse('alias is already linked to another address');
  return { kind: 'alias', id, envelope, alias };
}
