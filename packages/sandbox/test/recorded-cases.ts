/** The recorded cases as they came, and what server each was put to. */
import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const Request = z.object({
  method: z.string(),
  url: z.string(),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.unknown().optional(),
});

const RecordedCase = z.object({
  case: z.string(),
  note: z.string().optional(),
  request: Request,
  response: z.object({
    /** `200,425,425` where one request was sent three times at once. */
    status: z.int().or(z.string()),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.unknown(),
  }),
});
export type RecordedCase = z.output<typeof RecordedCase>;

const folder = new URL('../fixtures/cases/', import.meta.url);

export const RECORDED_CASES: readonly RecordedCase[] = readdirSync(folder).map((name) =>
  RecordedCase.parse(JSON.parse(readFileSync(new URL(name, folder), 'utf8'))),
);

/** In the recording each server, and each set-up of one, had a port of its own. */
const SERVERS: Readonly<Record<string, 'hub' | 'sequencer' | 'score-api'>> = {
  '33000': 'hub',
  '33010': 'hub',
  '33030': 'hub',
  '33001': 'sequencer',
  '33011': 'sequencer',
  '33021': 'sequencer',
  '33031': 'sequencer',
  '33451': 'score-api',
};

export function serverOf({ case: name, request }: RecordedCase): 'hub' | 'sequencer' | 'score-api' {
  const server = SERVERS[new URL(request.url).port];
  if (server === undefined) throw new Error(`${name} was put to a server that is not known: ${request.url}`);
  return server;
}
