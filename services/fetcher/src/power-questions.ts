/**
 * The questions for voting power that a run has open. One that is slow holds up nobody: after some seconds it takes the place of no
 * other, and what has no answer when the time of all is over is left for a later run. A hub asks contracts and subgraphs for it, and
 * whoever makes proposals may choose ones that never answer.
 */
import { timeLimit } from '@quorum/shared/time-limit';
import type { ProposalId } from '@quorum/snapshot/proposal';
import type { Listed } from './listing.ts';
import type { Power } from './power.ts';

export type Patience = {
  /** After how many milliseconds others are asked beside a question. */
  readonly slowMs: number;
  /** After how many no question is waited for any more. */
  readonly allMs: number;
};

/** `power` is given a signal that ends with the time of all, or with the questions. */
export type AskPower = (id: ProposalId, signal: AbortSignal) => Promise<Power>;

/** Made once: an error that is made for each choice costs more than the rest of its end. */
const OVER = new DOMException('The choice is over', 'AbortError');

type Answered = { readonly proposal: Listed; readonly power: Power };

/** Opens them; they are given up when disposed of, or when `signal` is aborted. */
export function openQuestions(power: AskPower, { slowMs, allMs }: Patience, signal: AbortSignal) {
  const given = new AbortController();
  const limit = timeLimit(allMs, [signal, given.signal]);
  /** In the order in which they were asked; null: no answer yet. */
  const open = new Map<Listed, Power | null>();
  const failed: { readonly error: unknown }[] = [];
  let wake = (): void => undefined;
  limit.signal.addEventListener('abort', () => wake(), { once: true });

  async function put(proposal: Listed): Promise<void> {
    try {
      open.set(proposal, await power(proposal.id, limit.signal));
    } catch (error) {
      failed.push({ error });
    }
    wake();
  }

  const waiting = (): Listed[] => [...open].flatMap(([proposal, answer]) => (answer === null ? [proposal] : []));

  return {
    /** For what is asked beside them, and has a time of its own: ends with the questions, or as `signal`. */
    beside: AbortSignal.any([signal, given.signal]),
    /** Those without an answer. */
    waiting,
    /** Whether the time of all is over. */
    isOver: (): boolean => limit.signal.aborted,

    ask(proposals: readonly Listed[]): void {
      for (const proposal of proposals) open.set(proposal, null);
      for (const proposal of proposals) void put(proposal);
    },

    /** What has been answered since this was asked last, in turn. */
    answered(): readonly Answered[] {
      const found = [...open].flatMap(([proposal, answer]) => (answer === null ? [] : [{ proposal, power: answer }]));
      for (const { proposal } of found) open.delete(proposal);
      return found;
    },

    /**
     * Waits until these are answered, or so many have power, or the rest of them is slow; without any, for whatever is open. Throws
     * what a question threw.
     */
    async wait(asked: readonly Listed[], places: number): Promise<void> {
      const wanted = asked.length > 0 ? asked : waiting();
      let isSlow = false;
      const slow = setTimeout(() => {
        isSlow = asked.length > 0;
        wake();
      }, slowMs).unref();
      const able = (): number => [...open.values()].filter((answer) => answer !== null && isAble(answer)).length;
      const isDone = (): boolean =>
        isSlow || limit.signal.aborted || able() >= places || wanted.every((proposal) => open.get(proposal) !== null);
      try {
        while (failed.length === 0 && !isDone()) {
          const { promise, resolve } = Promise.withResolvers<void>();
          wake = resolve;
          await promise;
        }
      } finally {
        clearTimeout(slow);
      }
      const [first] = failed;
      if (first !== undefined) throw first.error;
    },

    [Symbol.dispose](): void {
      given.abort(OVER);
      limit[Symbol.dispose]();
    },
  };
}

/** Whether a vote would count; where there is no voter, nobody was asked. */
export function isAble(power: Power): power is Extract<Power, { kind: 'known' }> {
  return power.kind === 'known' && power.value !== 0;
}
