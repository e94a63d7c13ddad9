/** Proposals and preferences for tests. */
import { Proposal, type VotingType } from '@quorum/snapshot/proposal';
import { inSpace, UserPreferences, type SpacePreferences } from '@quorum/shared/preferences';

const START_S = 1_790_000_000;
const DAY_S = 86_400;

/** Fields that differ from the ordinary proposal; checked when it is made. */
export type ProposalChanges = Partial<Record<keyof Proposal, unknown>>;

/** An ordinary proposal without anything at stake, so that a test adds only what it is about. */
export function aProposal(changes: ProposalChanges = {}): Proposal {
  return Proposal.parse({
    id: `0x${'ab'.repeat(32)}`,
    space: 'garden.eth',
    author: '0x1111111111111111111111111111111111111111',
    network: '1',
    type: 'single-choice' satisfies VotingType,
    privacy: '',
    title: 'Paint the garden bench green',
    body: 'The bench is grey. Green would please the eye.',
    discussion: '',
    choices: ['For', 'Against', 'Abstain'],
    plugins: {},
    strategies: [{ name: 'ticket', network: '1', params: {} }],
    snapshot: '100',
    created: START_S,
    start: START_S,
    end: START_S + 3 * DAY_S,
    state: 'active',
    quorum: 0,
    quorum_type: 'default',
    scores: [],
    scores_total: 0,
    scores_state: 'pending',
    votes: 0,
    flagged: false,
    link: 'https://snapshot.org/#/garden.eth/proposal/1',
    ...changes,
  });
}

export function preferencesWith(changes: Partial<Record<keyof UserPreferences, unknown>> = {}): SpacePreferences {
  return inSpace(UserPreferences.parse(changes), aProposal().space);
}
