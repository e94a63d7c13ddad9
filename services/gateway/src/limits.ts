/**
 * How many requests are taken, counted in Redis for all gateways together, by the clock of that Redis.
 *
 *   budget    of whom             pays for
 *   reads     address and owner   every request that needs a caller, but for the next two
 *   starts    address and owner   what has runs and rankings worked: POST /agent-run, GET /proposals
 *   nothing                       POST /voting/pause, which must never have to wait
 *   bad-keys  address             every key or link that is refused
 *
 * One question to Redis takes a request out of both of its budgets, or out of neither; it may ask in the same step whether an API key
 * still stands (`access.ts`), and start a run in it (`start-run.ts`). Admins pay nothing. While Redis is away nothing is counted: what
 * starts a run is refused then, and the rest is let through to fail or not by what it needs itself.
 */
import { UpstreamError } from '@quorum/shared/errors';
import type { Standing } from '@quorum/shared/api-keys';
import type { OwnerId } from '@quorum/shared/ids';
import type { Metrics } from '@quorum/shared/metrics';
import { keys } from '@quorum/shared/redis-keys';
import { loadScript, runStep, type Step } from '@quorum/shared/script';
import { logSecurity } from '@quorum/shared/security-events';
import type { Request } from 'express';
import type { Redis } from 'ioredis';
import { Counter } from 'prom-client';
import { z } from 'zod';
import { addressOf } from './address.ts';
import { askRedis } from './ask-redis.ts';
import { Refusal } from './problem.ts';

const SECOND_MS = 1_000;
const BAD_KEYS = 'bad-keys';

/** What a request pays with. */
export type Pays = 'reads' | 'starts' | 'nothing';

/** Requests a window, and how long a window is. */
export type LimitSettings = {
  readonly windowS: number;
  readonly readsPerOwner: number;
  readonly readsPerAddress: number;
  readonly startsPerOwner: number;
  readonly startsPerAddress: number;
  readonly badKeysPerAddress: number;
};

export type LimitsOptions = {
  readonly redis: Redis;
  /** Asked for each request, since they may change while the gateway runs. */
  readonly settings: () => LimitSettings;
  /** The time within which a request has its answer of Redis, in milliseconds. */
  readonly limitMs: () => number;
  readonly metrics: Metrics;
};

export type Limits = {
  /**
   * Takes one request of this owner, if the key that is given still stands. Throws a `Refusal` where a budget is used up, and
   * `redisAway` where a start is not counted.
   */
  pay(request: Request, owner: OwnerId, pays: Pays, standing?: Standing): Promise<Paid>;
  /** The step of Redis in which a start is paid for, to be made together with what it starts. No owner: it is known to be an admin's. */
  payment(request: Request, owner: OwnerId | null, standing?: Standing): Step<Paid>;
  /** Takes one refused key. Throws a `Refusal` where the address has sent too many. */
  payForBadKey(request: Request): Promise<void>;
};

/** changed: the key is another, or gone; nothing was taken. not_counted: nothing was asked, or not answered in time. */
export type Paid = 'taken' | 'changed' | 'not_counted';

type Budget = { readonly name: string; readonly key: string; readonly limit: number };

/** What is left of a budget, and in how many milliseconds it is whole again. */
type Left = { readonly budget: Budget; readonly left: number; readonly endsMs: number };

type Taking = {
  readonly request: Request;
  readonly windowS: number;
  readonly budgets: readonly Budget[];
  readonly standing?: Standing | undefined;
};

const Reply = z.tuple([z.int()], z.int());
/** As the script says that the key is another. */
const CHANGED = -1;

export function createLimits({ redis, settings, limitMs, metrics }: LimitsOptions): Limits {
  const script = loadScript('take-requests');
  const told = new Counter({
    name: 'quorum_rate_limited_total',
    help: 'Requests refused because a budget was used up, or not counted because Redis was away',
    labelNames: ['budget', 'result'] as const,
    registers: [metrics.registry],
  });

  function stepOf({ request, windowS, budgets, standing }: Taking): Step<Paid> {
    return {
      script,
      keys: [keys.apiKeys(), ...budgets.map(({ key }) => key)],
      args: [windowS * SECOND_MS, standing?.id ?? '', standing?.record ?? '', ...budgets.map(({ limit }) => limit)],
      read(reply) {
        const [refused, ...numbers] = Reply.parse(reply);
        if (refused === CHANGED) return 'changed';
        const all = budgets.map((budget, at): Left => ({
          budget,
          left: numbers[2 * at] ?? 0,
          endsMs: numbers[2 * at + 1] ?? 0,
        }));
        if (all.length > 0) tellLimits(request, all, windowS);
        const usedUp = all[refused - 1];
        if (usedUp === undefined) return 'taken';
        told.inc({ budget: usedUp.budget.name, result: 'refused' });
        metrics.security.inc({ event: 'limit_hit' });
        // Whoever tries keys one after the other is not to fill the log.
        if (usedUp.budget.name !== BAD_KEYS) logSecurity(request.log, 'limit_hit', { budget: usedUp.budget.name });
        throw tooMany(usedUp, windowS);
      },
    };
  }

  const take = (taking: Taking): Promise<Paid> => runStep(redis, stepOf(taking));

  function takingOf(request: Request, owner: OwnerId, pays: 'reads' | 'starts', standing?: Standing): Taking {
    const { windowS, readsPerOwner, readsPerAddress, startsPerOwner, startsPerAddress } = settings();
    const [perOwner, perAddress] =
      pays === 'reads' ? [readsPerOwner, readsPerAddress] : [startsPerOwner, startsPerAddress];
    const budgets = [
      { name: `${pays}-owner`, key: keys.limitOfOwner(pays, owner), limit: perOwner },
      { name: `${pays}-address`, key: keys.limitOfAddress(pays, addressOf(request)), limit: perAddress },
    ];
    return { request, windowS, budgets, standing };
  }

  /** Lets through what cannot be counted, soon enough for whoever waits for the answer. */
  async function takeIfCounted(taking: Taking): Promise<Paid> {
    try {
      return await askRedis(limitMs() / 8, () => take(taking));
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      told.inc({ budget: taking.budgets[0]?.name ?? '', result: 'not_counted' });
      return 'not_counted';
    }
  }

  return {
    async pay(request, owner, pays, standing) {
      if (pays === 'nothing') return 'not_counted';
      return await (pays === 'reads' ? takeIfCounted : take)(takingOf(request, owner, pays, standing));
    },

    payment(request, owner, standing) {
      if (owner !== null) return stepOf(takingOf(request, owner, 'starts', standing));
      return stepOf({ request, windowS: settings().windowS, budgets: [] });
    },

    async payForBadKey(request) {
      const { windowS, badKeysPerAddress: limit } = settings();
      const key = keys.limitOfAddress(BAD_KEYS, addressOf(request));
      await takeIfCounted({ request, windowS, budgets: [{ name: BAD_KEYS, key, limit }] });
    },
  };
}

function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / SECOND_MS));
}

/** As draft-ietf-httpapi-ratelimit-headers has them since its revision 8: quota and window, what is left and for how long. */
function tellLimits({ res }: Request, all: readonly Left[], windowS: number): void {
  const policy = all.map(({ budget: { name, limit } }) => `"${name}";q=${limit};w=${windowS}`);
  const left = all.map(({ budget, left: of, endsMs }) => `"${budget.name}";r=${of};t=${secondsOf(endsMs)}`);
  res?.setHeader('ratelimit-policy', policy.join(', '));
  res?.setHeader('ratelimit', left.join(', '));
}

function tooMany({ budget: { name, limit }, endsMs }: Left, windowS: number): Refusal {
  const retryAfterS = secondsOf(endsMs);
  return new Refusal('too-many-requests', `${name}: ${limit} in ${windowS} s. Try again in ${retryAfterS} s.`, {
    headers: { 'retry-after': String(retryAfterS) },
  });
}
