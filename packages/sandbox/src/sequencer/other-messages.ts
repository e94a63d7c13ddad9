/**
 * What the sequencer takes besides votes and aliases. A proposal is put into the world and archived from it, since an alias
 * may sign both; social messages are kept as messages and change nothing; the rest is recognised and refused.
 */
import { z } from 'zod';
import type { LiveWorld } from '../live-world.ts';
import { parseWorld, type WorldSpace } from '../world.ts';
import type { MessageKind, VoteKind } from './accepted-types.ts';
import type { ParsedEnvelope } from './envelope.ts';
import { kebabCase } from './kebab-case.ts';
import { refuse, type Refused } from './refused.ts';

export type OtherKind = Exclude<MessageKind, VoteKind | 'alias'>;

export type AcceptedOther = {
  readonly kind: 'other';
  readonly type: OtherKind;
  readonly id: string;
  readonly envelope: ParsedEnvelope;
  /** What the message does to the world. */
  readonly apply: (ipfs: string) => void;
};

export function checkOther(
  world: LiveWorld,
  envelope: ParsedEnvelope,
  id: string,
  type: OtherKind,
): Refused | AcceptedOther {
  const accept = (apply: AcceptedOther['apply']): AcceptedOther => ({ kind: 'other', type, id, envelope, apply });
  switch (type) {
    case 'follow':
    case 'unfollow':
    case 'subscribe':
    case 'unsubscribe':
    case 'profile':
    case 'statement':
      return accept(() => {});
    case 'delete-proposal':
      return checkArchiving(world, envelope, accept);
    case 'proposal':
      return checkProposal(world, envelope, id, accept);
    case 'update-proposal':
    case 'flag-proposal':
    case 'settings':
    case 'delete-space':
      return refuse(`the sandbox does not carry out: ${type}`);
  }
}

type Accept = (apply: AcceptedOther['apply']) => AcceptedOther;

/** Judged by `from`, so an alias may archive what its holder may. */
function checkArchiving(world: LiveWorld, { message }: ParsedEnvelope, accept: Accept): Refused | AcceptedOther {
  const proposal = world.proposal(message.proposal ?? '');
  const space = world.space(message.space ?? '');
  if (!proposal || !space || proposal.space.toLowerCase() !== space.id.toLowerCase()) return refuse('unknown proposal');
  const allowed = [...space.admins, ...space.moderators, proposal.author];
  if (!allowed.includes(message.from)) return refuse('not authorized to archive proposal');
  return accept(() => world.removeProposal(proposal.id));
}

const UnixSeconds = z.int().min(1_000_000_000).max(2_000_000_000);

const ProposalMessage = z.object({
  title: z.string().min(1).max(256),
  body: z.string().max(10_000),
  discussion: z.string().default(''),
  choices: z.array(z.string()).min(1).max(500),
  labels: z.array(z.string()).default([]),
  type: z.enum(['single-choice', 'approval', 'ranked-choice', 'quadratic', 'weighted', 'basic', 'copeland']),
  snapshot: z.int().nonnegative(),
  start: UnixSeconds,
  end: UnixSeconds,
  plugins: z.string().transform((text, context) => readObject(text, context)),
  privacy: z.enum(['', 'shutter']).default(''),
  app: z.string().default(''),
});

function checkProposal(
  world: LiveWorld,
  envelope: ParsedEnvelope,
  id: string,
  accept: Accept,
): Refused | AcceptedOther {
  const { message } = envelope;
  const space = world.space(message.space ?? '');
  if (!space) return refuse('invalid space settings: unknown space');
  if (space.hibernated) return refuse('invalid space settings: space hibernated');
  const parsed = ProposalMessage.safeParse(message);
  if (!parsed.success) return refuse('wrong proposal format');
  const { app, privacy, ...proposal } = parsed.data;
  if (proposal.end <= world.clock.now()) return refuse('proposal end date must be in the future');
  if (proposal.type === 'basic' && ![2, 3].includes(proposal.choices.length)) {
    return refuse('wrong choices for basic type voting');
  }
  const against = againstRules(space, proposal, message.timestamp);
  if (against) return against;
  const more = { network: space.network, symbol: space.symbol, strategies: space.strategies, app: kebabCase(app) };
  const { quorum } = space.voting;
  return accept((ipfs) => {
    const validation = space.voteValidation;
    const voting = { privacy, validation, quorum: quorum ?? 0, quorumType: space.voting.quorumType };
    const made = { ...proposal, ...more, ...voting, id, ipfs, space: space.id, author: message.from };
    world.add(parseWorld({ proposals: [{ ...made, created: message.timestamp }] }));
  });
}

function againstRules(
  { voting }: WorldSpace,
  proposal: { start: number; end: number; type: string },
  created: number,
): Refused | null {
  if (voting.delay && proposal.start !== created + voting.delay) return refuse('invalid voting delay');
  if (voting.period && proposal.end - proposal.start !== voting.period) return refuse('invalid voting period');
  return voting.type && proposal.type !== voting.type ? refuse('invalid voting type') : null;
}

function readObject(text: string, context: z.RefinementCtx): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch {
    context.addIssue({ code: 'custom', message: 'is not a JSON object' });
    return z.NEVER;
  }
}
