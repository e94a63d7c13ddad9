/** What a request to a model is for, by its form; and answers to those that are not for a ballot. */
import { z } from 'zod';
import type { ModelRequest, Reply } from './model-server.ts';

export type Part = 'facts' | 'reason' | 'judge' | 'sample';

export function partOf(request: ModelRequest): Part {
  const { properties } = z
    .object({ properties: z.record(z.string(), z.unknown()) })
    .parse(request.response_format.json_schema.schema);
  if ('facts' in properties) return 'facts';
  if ('reason' in properties) return 'reason';
  return request.messages[1]?.content.includes('\nFacts\n') === true ? 'judge' : 'sample';
}

/** A fact of the ordinary proposal, which its title bears out. */
export const FACT = {
  kind: 'action',
  about: 'the proposal',
  statement: 'The bench becomes green.',
  quote: 'Paint the garden bench green',
};

export const factsReply: Reply = { kind: 'says', content: JSON.stringify({ facts: [FACT] }) };
export const reasonReply: Reply = { kind: 'says', content: JSON.stringify({ reason: 'Green pleases the eye.' }) };
