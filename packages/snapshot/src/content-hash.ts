/**
 * The content hash of a proposal: what a decision was made about. If it differs later, the decision no longer applies.
 * Left out is all that changes while people vote (scores, votes, state, flags) and what follows from the rest (link).
 */
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Proposal } from './proposal.ts';

/**
 * SHA-256, as 64 hex digits, over canonical JSON (RFC 8785) of everything that gives the proposal its meaning.
 * @throws Error for text that is not well-formed Unicode, which the hub client never lets through.
 */
export function contentHash(proposal: Proposal): string {
  const strategies = proposal.strategies.map(({ name, network, params }) => ({
    name,
    // Absent and null mean the same to the hub; canonical JSON tells them apart.
    network: network ?? null,
    params: params ?? null,
  }));
  const content = {
    id: proposal.id,
    space: proposal.space,
    author: proposal.author,
    type: proposal.type,
    privacy: proposal.privacy,
    choices: proposal.choices,
    title: proposal.title,
    body: proposal.body,
    discussion: proposal.discussion,
    plugins: proposal.plugins,
    strategies,
    snapshot: proposal.snapshot,
    quorum: proposal.quorum,
    quorum_type: proposal.quorum_type,
    start: proposal.start,
    end: proposal.end,
  };
  return createHash('sha256')
    .update(canonicalize(content) ?? '')
    .digest('hex');
}
