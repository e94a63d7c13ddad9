/** A decision for tests of what it is made of, at any endpoint: whatever a test does not say is ordinary. */
import { randomBytes } from 'node:crypto';
import type { Decided } from '../src/decide.ts';
import { decideFor, type Deciding } from './decide-for.ts';
import { aProposal, type ProposalChanges } from './fixtures.ts';

export type Given = {
  readonly proposal?: ProposalChanges;
  readonly wishes?: Deciding['wishes'];
  readonly settings?: Pick<Deciding, 'models' | 'samples' | 'secondReading'>;
  readonly takesPowerBack?: boolean;
};

export type DecidedWell = Extract<Decided, { kind: 'decided' }>;

/** Decides with the models of an endpoint, one answer each. Throws where that comes to no decision. */
export async function decideAt(url: string, given: Given = {}): Promise<DecidedWell> {
  const { proposal, settings, wishes = {}, takesPowerBack = false } = given;
  const decided = await decideFor(aProposal(proposal), {
    url,
    samples: 1,
    key: randomBytes(32),
    wishes: { confidence_threshold: 0.7, ...wishes },
    takesPowerBack,
    ...settings,
  });
  if (decided.kind !== 'decided') throw new Error(`no decision: ${JSON.stringify(decided)}`);
  return decided;
}
