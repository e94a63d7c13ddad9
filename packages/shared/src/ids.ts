/** Names of things that Quorum itself makes: owners, runs, upstreams. Snapshot's names are in `@quorum/snapshot/proposal`. */
import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';

/** The person whose preferences and voting power the agent uses. */
export const OwnerId = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, { error: 'must be 1 to 64 of a-z, 0-9 and -' })
  .brand<'OwnerId'>()
  .describe('The owner: the person whose preferences and voting power the agent uses');
export type OwnerId = z.infer<typeof OwnerId>;

/** One agent run. A UUID: BullMQ takes no id with a colon and none of digits alone. */
export const RunId = z.uuid().brand<'RunId'>().describe('The id of the run');
export type RunId = z.infer<typeof RunId>;

/** A new random run id. */
export function newRunId(): RunId {
  return RunId.parse(randomUUID());
}

/** A server and the key with which it is asked, as one name that tells neither. */
export const UpstreamId = z
  .string()
  .regex(/^[0-9a-f]{16}$/)
  .brand<'UpstreamId'>();
export type UpstreamId = z.infer<typeof UpstreamId>;

/** The name of an upstream. It is a hash, since it stands in Redis and a key must not. */
export function upstreamId(url: string, apiKey: string | undefined): UpstreamId {
  const hash = createHash('sha256').update(JSON.stringify([url, apiKey ?? null]));
  return UpstreamId.parse(hash.digest('hex').slice(0, 16));
}
