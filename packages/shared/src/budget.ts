/**
 * What models may cost: one cap for a run, one for an owner and UTC day, one for all and UTC day. Before anything is asked its worst
 * case is held under all three, afterwards what it did cost takes the place of the hold. Each is one Lua script over the three, so
 * that no number of workers spends more than a cap.
 *
 *   (nothing) --hold--> held --settle--> spent: what it cost
 *   (nothing) --hold--> over: no hold would fit any more;  busy: it fits once others have settled
 *   held --its time is over--> counts as spent, whole: whoever held it is gone, and what was asked may be billed
 *                              --settle, late--> spent: what it cost
 *
 * What the models did for it (calls, tokens, cost) is added to the run in the step that charges, by proposal: so it is told whole also
 * where nothing came of it.
 *
 * Money is in whole micro-dollars: sums of fractions drift. The day is that of the hold, also where it is settled after midnight.
 */
import type { ProposalId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Usage } from './decision.ts';
import type { OwnerId, RunId } from './ids.ts';
import { fields, keys, RETENTION_S } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';

const MICROS_PER_DOLLAR = 1_000_000;
/** What the sums of a few dozen fractions are wrong by at most, in micro-dollars: no reason to round up. */
const NOISE = 1e-6;

/** In the order in which they are looked at. */
export const CAPS = ['run', 'owner_day', 'day'] as const;
export type Cap = (typeof CAPS)[number];

/** Micro-dollars by cap. */
export type Caps = Readonly<Record<Cap, number>>;

export type HoldInput = {
  /** Names this hold; the same command sent twice holds once. */
  readonly id: string;
  readonly runId: RunId;
  readonly owner: OwnerId;
  /** What it is spent on. */
  readonly proposal: ProposalId;
  readonly micros: number;
  readonly caps: Caps;
  readonly nowMs: number;
  /** For how long the hold counts as one, in milliseconds. */
  readonly forMs: number;
};

export type Hold = Pick<HoldInput, 'id' | 'runId' | 'owner' | 'proposal' | 'micros'> & { readonly day: string };

export type Held =
  | { readonly kind: 'held'; readonly hold: Hold }
  /** `spent` and `held` of that cap, micro-dollars. */
  | { readonly kind: 'over' | 'busy'; readonly cap: Cap; readonly spent: number; readonly held: number };

export type Budget = ReturnType<typeof createBudget>;

const HoldReply = z.union([
  z.tuple([z.literal('held')]),
  z.tuple([z.enum(['over', 'busy']), z.int().min(1).max(CAPS.length), z.int(), z.int()]),
]);

/** The budget on one Redis. */
export function createBudget(redis: Redis) {
  const scripts = { hold: loadScript('hold-budget'), settle: loadScript('settle-budget') };

  return {
    /** Holds `micros` under every cap, or under none and says which one is in the way. */
    async hold(input: HoldInput): Promise<Held> {
      const { id, runId, owner, proposal, micros, caps, nowMs, forMs } = input;
      const hold = { id, runId, owner, proposal, micros: whole(micros), day: utcDay(nowMs) };
      const reply = await runScript(redis, scripts.hold, keysOf(hold), [
        id,
        hold.micros,
        nowMs,
        nowMs + forMs,
        RETENTION_S.budget,
        ...CAPS.map((cap) => whole(caps[cap])),
      ]);
      const [kind, at, spent, held] = HoldReply.parse(reply);
      if (kind === 'held' || at === undefined) return { kind: 'held', hold };
      return { kind, cap: CAPS[at - 1] ?? 'run', spent, held };
    },

    /** What of the day's cap for all is used up: what was spent, and what is held. Micro-dollars. */
    async usedToday(nowMs: number): Promise<number> {
      const amounts = await redis.hvals(keys.budgetDay(utcDay(nowMs)));
      return amounts.reduce((sum, amount) => sum + z.coerce.number().parse(amount.split(':')[0]), 0);
    },

    /** Puts what was spent in the place of a hold; nothing gives all of it back. Settling again changes nothing. */
    async settle(hold: Hold, micros: number, usage: Usage): Promise<void> {
      const { id, runId, proposal } = hold;
      const spent = [fields.spent(proposal), JSON.stringify(usage)];
      const keyNames = [keys.run(runId), ...keysOf(hold)];
      await runScript(redis, scripts.settle, keyNames, [id, whole(micros), RETENTION_S.budget, ...spent]);
    },
  };
}

function keysOf({ runId, owner, day }: Pick<Hold, 'runId' | 'owner' | 'day'>): string[] {
  return [keys.budgetRun(runId), keys.budgetOwner(owner, day), keys.budgetDay(day)];
}

function whole(micros: number): number {
  if (!Number.isSafeInteger(micros) || micros < 0) throw new RangeError(`Not an amount in micro-dollars: ${micros}`);
  return micros;
}

/** `2026-11-20` */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** US dollars as whole micro-dollars, rounded up. */
export function microsOf(usd: number): number {
  return Math.max(0, Math.ceil(usd * MICROS_PER_DOLLAR - NOISE));
}

/** `$0.35`: two places, or as many as it takes. */
export function dollars(micros: number): string {
  return `$${(micros / MICROS_PER_DOLLAR).toFixed(6).replace(/0{1,4}$/, '')}`;
}
