/** A world with one proposal of each voting type, open for a day around `NOW`, and 100 voting power for everybody. */
import { VOTING_TYPES, type VotingType } from '@quorum/snapshot/proposal';
import type { World } from '../src/world.ts';

export const NOW = 1_800_000_000;
export const SPACE = 'small.eth';

export function proposalOf(type: VotingType): string {
  return `0x${String(VOTING_TYPES.indexOf(type) + 1).padStart(64, '0')}`;
}

export function smallWorld(): World & { proposals: NonNullable<World['proposals']> } {
  return {
    now: NOW,
    spaces: [{ id: SPACE, name: 'Small' }],
    proposals: VOTING_TYPES.map((type) => ({
      id: proposalOf(type),
      space: SPACE,
      type,
      title: `A proposal of type ${type}`,
      choices: ['Alpha', 'Beta', 'Gamma'],
      start: NOW - 12 * 60 * 60,
      end: NOW + 12 * 60 * 60,
    })),
    voting_power: [{ space: SPACE, default: true, vp: 100 }],
  };
}
