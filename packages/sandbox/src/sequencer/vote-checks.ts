/** What the sequencer checks of a vote, once it knows who signed it: format, window, choice, validation, voting power. */
import { z } from 'zod';
import type { LiveWorld, VotingPower } from '../live-world.ts';
import type { StoredVote } from '../stored-vote.ts';
import type { WorldProposal } from '../world.ts';
import type { VoteKind } from './accepted-types.ts';
import { isValidChoice } from './choices.ts';
import type { ParsedEnvelope } from './envelope.ts';
import { kebabCase } from './kebab-case.ts';
import { refuse, type Refused } from './refused.ts';

const METADATA_MAX = 2_000;
const REASON_MAX = 5_000;
const APP_MAX = 24;

export type AcceptedVote = {
  readonly kind: 'vote';
  readonly id: string;
  readonly envelope: ParsedEnvelope;
  readonly proposal: WorldProposal;
  readonly choice: StoredVote['choice'];
  readonly reason: string;
  readonly app: string;
  readonly metadata: Record<string, unknown>;
  readonly power: Extract<VotingPower, { kind: 'power' }>;
};

/** Lengths in characters, not in UTF-16 units. The app's name is measured as it is stored. */
const VoteFields = z.object({
  choice: z.union([z.number(), z.string(), z.boolean(), z.array(z.unknown()), z.record(z.string(), z.unknown())]),
  reason: z.string().refine((reason) => isAtMost(reason, REASON_MAX)),
  app: z.string().refine((app) => isAtMost(app, APP_MAX)),
  metadata: z.record(z.string(), z.unknown()),
});

/** The shapes in which a choice that passed its rules is kept. */
const Kept = z.union([z.number(), z.string(), z.array(z.coerce.number()), z.record(z.string(), z.number())]);

export function checkVote(
  world: LiveWorld,
  envelope: ParsedEnvelope,
  id: string,
  kind: VoteKind,
): Refused | AcceptedVote {
  const { message } = envelope;
  const metadata = message['metadata'];
  if (typeof metadata === 'string' && metadata.length > METADATA_MAX) return refuse('too large metadata');

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

  // Nothing is as good as an empty text; unparsable metadata is as good as none.
  const parsedMetadata = parseJson(metadata);
  const fields = VoteFields.safeParse({
    choice,
    reason: message['reason'] || '',
    app: kebabCase(plainText(message['app'])),
    metadata: parsedMetadata.ok ? parsedMetadata.value : {},
  });
  if (!fields.success || message.proposal === undefined) return refuse('wrong vote format');
  if (!proposal) return refuse('unknown proposal');
  const now = world.clock.now();
  const open = (time: number): boolean => proposal.start <= time && time <= proposal.end;
  if (!open(message.timestamp) || !open(now)) return refuse('not in voting window');

  if (proposal.privacy === 'shutter') {
    if (fields.data.reason !== '') return refuse('reason not allowed with shutter');
    if (typeof choice !== 'string' || !choice.startsWith('0x')) return refuse('invalid choice');
  } else if (!isValidChoice(choice, proposal.type, proposal.choices.length)) return refuse('invalid choice');
  const kept = Kept.safeParse(choice);
  if (!kept.success) return refuse('invalid choice');

  const validation = world.validation(proposal.id);
  if (validation === 'deny') return refuse('failed vote validation');
  if (validation === 'fail') return refuse('failed to check vote validation');
  const power = world.votingPower(message.from, proposal.space, proposal);
  if (power.kind === 'failed') return refuse('failed to check voting power');
  if (power.vp === 0) return refuse('no voting power');

  const { reason, app, metadata: about } = fields.data;
  return { kind: 'vote', id, envelope, proposal, choice: kept.data, reason, app, metadata: about, power };
}

function plainText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function isAtMost(text: string, max: number): boolean {
  return text.length <= max || Array.from(text).length <= max;
}

function parseJson(text: unknown): { ok: true; value: unknown } | { ok: false } {
  try {
    const value: unknown = JSON.parse(String(text));
    return { ok: true, value };
  } catch {
    // Not JSON is one of the two answers.
    return { ok: false };
  }
}
