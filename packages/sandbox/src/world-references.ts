/** Checks that what a world names is there: in itself, or in the world that it is added to. */
import { WorldError, type CompleteWorld } from './world.ts';

/** The lower-case ids of what is there already. */
export type Known = { readonly spaces: Iterable<string>; readonly proposals: Iterable<string> };

/** Throws `WorldError` with a line for each reference to nothing. */
export function checkReferences(known: Known, world: CompleteWorld): void {
  const spaces = new Set([...known.spaces, ...world.spaces.map((space) => lower(space.id))]);
  const proposals = new Set([...known.proposals, ...world.proposals.map((proposal) => lower(proposal.id))]);
  const missing = [
    ...world.proposals.filter((p) => !spaces.has(lower(p.space))).map((p) => `proposal ${p.id}: no space ${p.space}`),
    ...world.votes
      .filter((v) => !proposals.has(lower(v.proposal)))
      .map((v) => `vote ${v.id}: no proposal ${v.proposal}`),
    ...world.validations
      .filter((v) => !proposals.has(lower(v.proposal)))
      .map((v) => `validation: no proposal ${v.proposal}`),
    ...world.voting_power
      .filter((rule) => rule.proposal !== undefined && !proposals.has(lower(rule.proposal)))
      .map((rule) => `voting_power: no proposal ${rule.proposal}`),
    ...world.voting_power
      .filter((rule) => rule.space !== undefined && !spaces.has(lower(rule.space)))
      .map((rule) => `voting_power: no space ${rule.space}`),
  ];
  if (missing.length > 0) throw new WorldError(missing.join('\n'));
}

function lower(text: string): string {
  return text.toLowerCase();
}
