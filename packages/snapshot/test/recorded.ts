/** Recorded exchanges with the real servers, as test data. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const fixtures = new URL('../fixtures/', import.meta.url);

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, fixtures), 'utf8'));
}

export const hubSchemaText = (): string => readFileSync(new URL('hub-schema.graphql', fixtures), 'utf8');

const Exchange = z.object({
  case: z.string(),
  request: z.object({ body: z.unknown() }),
  response: z.object({ status: z.number(), headers: z.record(z.string(), z.string()), body: z.unknown() }),
});
export type Exchange = z.infer<typeof Exchange>;

/** One recorded exchange by its name. */
export function recorded(name: string): Exchange {
  return Exchange.parse(readJson(`recorded/${name}.json`));
}

/** Every refusal that was recorded of the sequencer. */
export function recordedRefusals(): { case: string; status: number; body: unknown }[] {
  return z
    .array(z.object({ case: z.string(), status: z.number(), body: z.unknown() }))
    .parse(readJson('refusals.json'));
}

/** The type sets that the sequencer accepts, by the hash that it compares. */
export function acceptedTypes(): { sha256: string; kind: string; types: unknown }[] {
  return z
    .array(z.object({ sha256: z.string(), kind: z.string(), types: z.unknown() }))
    .parse(readJson('accepted-type-hashes.json'));
}

/** Lists of labels that people might write: doubles, look-alikes, numbers, any script. */
export function labelSets(): string[][] {
  return z.array(z.array(z.string())).parse(readJson('label-sets.json'));
}
