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

/** An HTTP request to the gateway, which names it. It follows the run that the request began, to its votes. */
export const RequestId = z.uuid().describe('The id of the request that began it, by which its log lines are found');
export type RequestId = z.infer<typeof RequestId>;

/** A new random run id. */
export function newRunId(): RunId {
  return RunId.parse(randomUUID());
}

/** One hold. It follows from the run and the proposal: a job that is delivered twice makes the same hold. */
export const HoldId = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .brand<'HoldId'>()
  .describe('The id of the hold');
export type HoldId = z.infer<typeof HoldId>;

/** The id of the hold that a run makes on a proposal. */
export function holdIdOf(run: RunId, proposal: string): HoldId {
  return HoldId.parse(
    createHash('sha256')
      .update(JSON.stringify([run, proposal]))
      .digest('hex')
      .slice(0, 32),
  );
}

/** One delivery of a notice: the id of its job. */
export const DeliveryId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,300}$/, { error: 'is no id of a delivery' })
  .brand<'DeliveryId'>()
  .describe('The id of the delivery');
export type DeliveryId = z.infer<typeof DeliveryId>;

/** A server, the key with which it is asked and, where it serves many, the model that is asked: one name that tells none of them. */
export const UpstreamId = z
  .string()
  .regex(/^[0-9a-f]{16}$/)
  .brand<'UpstreamId'>();
export type UpstreamId = z.infer<typeof UpstreamId>;

/** The name of an upstream. It is a hash, since it stands in Redis and a key must not. */
export function upstreamId(url: string, apiKey: string | undefined, model?: string): UpstreamId {
  const hash = createHash('sha256').update(
    JSON.stringify([url, apiKey ?? null, ...(model === undefined ? [] : [model])]),
  );
  return UpstreamId.parse(hash.digest('hex').slice(0, 16));
}
