/** What a wave of the load finds on Snapshot: one new proposal in each space, so that no answer of an earlier wave is used again. */
import type { World } from '@quorum/sandbox/world';

const HOUR_S = 60 * 60;

/** The space of the live runs: an owner has one run per space at a time. */
export const LIVE_SPACE = 'load-live.eth';

export function drySpaces(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `load-${at + 1}.eth`);
}

export function proposalId(wave: number, space: number): string {
  return `0x${`${wave + 1}`.padStart(32, '0')}${`${space + 1}`.padStart(32, '0')}`;
}

/** As long as proposals often are, and such that the stand-in for a model is sure of it: about 2 KB. */
function body(wave: number, space: string): string {
  const clauses = Array.from(
    { length: 12 },
    (_, at) =>
      `${at + 1}. The working group reports on part ${at + 1} of season ${wave + 1} in public, with its accounts, before the next part begins.`,
  );
  return [
    `## Summary\n\nThis proposal renews the working group of ${space} for season ${wave + 1}, within its present budget.`,
    `## Safeguards\n\nPayment is in milestones from a multisig, after an independent audit. The treasury can cancel at any time.`,
    `## Terms\n\n${clauses.join('\n')}`,
  ].join('\n\n');
}

export type WaveWorld = {
  readonly wave: number;
  readonly spaces: readonly string[];
  /** New proposals in each space; one unless said. */
  readonly each?: number;
  readonly aliases: NonNullable<World['aliases']>;
};

/** The world of one wave; it takes the place of the one before. */
export function waveWorld({ wave, spaces, each = 1, aliases }: WaveWorld): World {
  const now = Math.floor(Date.now() / 1_000);
  return {
    now: null,
    spaces: spaces.map((id) => ({ id, name: id })),
    proposals: spaces.flatMap((space, at) =>
      Array.from({ length: each }, (_, nth) => ({
        id: proposalId(wave, at * each + nth),
        space,
        type: 'basic' as const,
        title: `Season ${wave + 1} of the working group of ${space}`,
        body: body(wave, space),
        choices: ['For', 'Against', 'Abstain'],
        start: now - 3 * HOUR_S,
        end: now + 48 * HOUR_S,
      })),
    ),
    aliases: [...aliases],
    voting_power: spaces.map((space) => ({ space, default: true, vp: 100 })),
  };
}
