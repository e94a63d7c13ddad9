/** The hub's answers for tests: recorded ones, and rows made from a recorded one. */
import { z } from 'zod';
import { createHub, type Hub, type OddProposal } from '../src/hub.ts';
import type { Proposal, SpaceId } from '../src/proposal.ts';
import type { Reply } from './play-back.ts';
import { recorded } from './recorded.ts';

/** A hub client of a server on loopback. */
export function hubAt({ url }: { url: string }, timeoutMs = 5_000): Hub {
  return createHub({ url, timeoutMs });
}

/** All pages of a space's active proposals together. */
export async function allActive(hub: Hub, space: SpaceId): Promise<{ proposals: Proposal[]; odd: OddProposal[] }> {
  const all: { proposals: Proposal[]; odd: OddProposal[] } = { proposals: [], odd: [] };
  for await (const { proposals, odd } of hub.activeProposals(space)) {
    all.proposals.push(...proposals);
    all.odd.push(...odd);
  }
  return all;
}

/** A recorded exchange's answer, as it was. */
export function answerOf(name: string): Reply {
  const { status, headers, body } = recorded(name).response;
  return { status, headers, body };
}

/** A GraphQL answer. */
export const data = (body: unknown): Reply => ({ status: 200, body: { data: body } });

/** The row that the hub recorded for a proposal, with changes. */
export function row(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const { body } = recorded('gql-proposal-full').response;
  const answer = z.object({ data: z.object({ proposal: z.record(z.string(), z.unknown()) }) }).parse(body);
  return { ...answer.data.proposal, ...changes };
}

/** The id of a proposal or vote by a number. */
export const idNumber = (number: number): string => `0x${number.toString(16).padStart(64, '0')}`;
