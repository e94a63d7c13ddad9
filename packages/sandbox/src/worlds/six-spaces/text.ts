/** What a proposal of the six spaces is written as. Times are seconds from the moment at which the world is made. */
import type { VotingType } from '@quorum/snapshot/proposal';
import type { World } from '../../world.ts';

type WorldProposal = NonNullable<World['proposals']>[number];

export type ProposalText = {
  /** Names the proposal within its space: its id is made of it. */
  readonly name: string;
  /** What it is about; for those who pick proposals by it. */
  readonly kind: 'grant' | 'parameter' | 'election' | 'upgrade' | 'partnership' | 'constitution' | 'signal' | 'scam';
  /** Who tries to steer the reader or the reader's agent, and how; absent: nobody does. */
  readonly attack?: 'injection' | 'hidden';
  readonly type: VotingType;
  readonly title: string;
  readonly choices: readonly string[];
  readonly body: string;
  readonly opens: number;
  readonly ends: number;
  /** Power per choice so far; absent: none. */
  readonly scores?: readonly number[];
  readonly votes?: number;
} & Partial<
  Pick<WorldProposal, 'quorum' | 'quorumType' | 'privacy' | 'plugins' | 'flagged' | 'flagCode' | 'scores_state'>
>;

export type SpaceText = {
  readonly id: string;
  readonly name: string;
  readonly about: string;
  readonly symbol: string;
  readonly quorum: number;
  readonly proposals: readonly ProposalText[];
};

export const MINUTE = 60;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
