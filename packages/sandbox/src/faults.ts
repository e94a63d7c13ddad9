/**
 * Faults on purpose: an endpoint that is slow, answers an error, or drops the line before or after it did its work.
 * A fault counts down (`count`) or strikes a seeded share of the requests (`share`, `seed`): the same seed, the same pattern.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { pause, reply, type Answer, type EndpointName, type Handler, type SandboxRequest } from './http.ts';

export const Fault = z
  .strictObject({
    endpoint: z.enum(['hub', 'sequencer', 'model']),
    count: z.int().min(1).optional().describe('Strikes the next N matching requests'),
    share: z.number().min(0).max(1).optional().describe('Strikes this share of the matching requests'),
    seed: z.int().default(1).describe('Which requests a share strikes'),
    match: z.strictObject({ body_contains: z.string() }).optional(),
    latency_ms: z.int().min(0).max(600_000).optional().describe('Waits before doing anything else'),
    status: z.int().min(200).max(599).optional().describe('Answers this instead'),
    body: z.unknown().optional().describe('With status: the body; a string is sent as HTML'),
    headers: z.record(z.string(), z.string()).default({}).describe('With status'),
    fails: z
      .enum(['pinning', 'maintenance', 'database'])
      .optional()
      .describe('The step at which the sequencer itself fails; database: the hub looks up nothing'),
    stored: z.boolean().default(false).describe('With status: the request is carried out before the error is answered'),
    cut: z
      .enum(['before', 'after'])
      .optional()
      .describe('Ends the connection before or after carrying the request out'),
  })
  .refine((fault) => (fault.count === undefined) !== (fault.share === undefined), {
    error: 'needs either count or share',
  })
  .refine((fault) => fault.cut === undefined || fault.status === undefined, { error: 'is either status or cut' })
  .refine((fault) => [fault.cut, fault.status, fault.latency_ms, fault.fails].some((effect) => effect !== undefined), {
    error: 'does nothing: needs latency_ms, status, cut or fails',
  })
  .refine(({ fails, endpoint }) => fails === undefined || endpoint === (fails === 'database' ? 'hub' : 'sequencer'), {
    error: 'pinning and maintenance are for the sequencer, database is for the hub',
    path: ['fails'],
  });
export type Fault = z.output<typeof Fault>;

export type Faults = {
  add(fault: Fault): void;
  clear(): void;
  list(): readonly Fault[];
  /** The first fault that strikes this request, and counts it. */
  strike(endpoint: EndpointName, request: SandboxRequest): Fault | null;
};

export function createFaults(): Faults {
  let armed: { fault: Fault; seen: number }[] = [];

  const strikes = (entry: { fault: Fault; seen: number }): boolean => {
    entry.seen += 1;
    const { count, share, seed } = entry.fault;
    if (count !== undefined) return entry.seen <= count;
    return share !== undefined && fraction(seed, entry.seen) < share;
  };

  return {
    add: (fault) => {
      armed.push({ fault, seen: 0 });
    },
    clear: () => {
      armed = [];
    },
    list: () => armed.map((entry) => entry.fault),
    strike: (endpoint, request) => {
      for (const entry of armed) {
        const { match } = entry.fault;
        const concerned = entry.fault.endpoint === endpoint && (!match || request.text.includes(match.body_contains));
        if (concerned && strikes(entry)) return entry.fault;
      }
      return null;
    },
  };
}

/** Puts the faults in front of an endpoint. */
export function withFaults(endpoint: EndpointName, faults: Faults, closing: AbortSignal, handle: Handler): Handler {
  return async (request): Promise<Answer> => {
    const fault = faults.strike(endpoint, request);
    if (!fault) return handle(request);
    if (fault.latency_ms !== undefined) await pause(fault.latency_ms, closing);
    if (fault.cut === 'before') return { kind: 'cut' };
    if (fault.status === undefined) {
      const answer = await handle(fault.fails === undefined ? request : { ...request, fails: fault.fails });
      return fault.cut === 'after' ? { kind: 'cut' } : answer;
    }
    if (fault.stored) await handle(request);
    return reply(fault.status, fault.body ?? { error: 'fault' }, fault.headers);
  };
}

/** A number in [0, 1) that depends on the seed and the request's number alone. */
function fraction(seed: number, nth: number): number {
  return createHash('sha256').update(`${seed}:${nth}`).digest().readUInt32BE(0) / 2 ** 32;
}
