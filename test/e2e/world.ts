/** A world for tests that break something: proposals on which the model is sure, so that every one is voted on. */
import type { VotingType } from '@quorum/snapshot/proposal';
import type { World } from '@quorum/sandbox/world';

const HOUR_S = 60 * 60;

export const SPACE = 'small.eth';
const CHOICES = ['Build it', 'Leave it', 'Abstain'] as const;

/** What the model of `SURE` chooses: one that chooses the first would be right by accident. */
export const WANTED = 'Leave it';

/** Settings under which the model always answers `WANTED`, at once and sure of itself. It must be told to, by the control API. */
export const SURE = { DECIDER_MODELS: 'owned' } as const;

/** Preferences that let a run decide as many as one may. */
export const EVERYTHING = {
  max_proposals_per_run: 10,
  voting_strategy: 'aggressive',
  confidence_threshold: 0.7,
} as const;

/** The id of the nth proposal of the nth space. */
export function proposalId(nth: number, space = 0): string {
  return `0x${`${space + 1}`.padStart(32, '0')}${`${nth + 1}`.padStart(32, '0')}`;
}

type Open = {
  readonly spaces?: readonly string[];
  readonly types?: readonly VotingType[];
  readonly choices?: readonly string[];
};

/** Spaces with one open proposal for each of the types; the voter has power everywhere. */
export function openWorld({
  spaces = [SPACE],
  types = ['basic', 'single-choice'],
  choices = CHOICES,
}: Open = {}): World & {
  proposals: NonNullable<World['proposals']>;
} {
  const now = Math.floor(Date.now() / 1_000);
  return {
    now: null,
    spaces: spaces.map((id) => ({ id, name: id })),
    proposals: spaces.flatMap((space, at) =>
      types.map((type, nth) => ({
        id: proposalId(nth, at),
        space,
        type,
        title: `Proposal ${nth + 1} of ${space}`,
        body: 'Build a bench at the harbour.',
        choices: [...choices],
        start: now - 3 * HOUR_S,
        end: now + 12 * HOUR_S,
      })),
    ),
    voting_power: spaces.map((space) => ({ space, default: true, vp: 100 })),
  };
}
