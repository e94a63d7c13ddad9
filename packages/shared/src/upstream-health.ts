/**
 * How an upstream is, from what several processes saw of it. The newest views count: who has not asked for longer knows less, and
 * a good answer from before the first failure says nothing against it.
 *
 *   requests of a process fail, and nobody had a good answer since they do    down
 *   … and it was one request only, so far                                     degraded
 *   … and another process had one                                             degraded
 *   it asks for fewer requests                                                degraded: it is there
 *   a request failed within the last half minute                              degraded
 */
import type { Beat, Heartbeat, PartState } from './heartbeat.ts';

/** Views this much older than the newest one do not count. Each service pings every few seconds. */
const OLDER_S = 8;
/** After which nobody can tell. */
const STALE_S = 120;
const FAILED_LATELY_S = 30;

export type UpstreamState = PartState & { readonly latency_ms: number | null; readonly age_s: number | null };

export function foldUpstream(name: keyof Heartbeat['upstreams'], alive: readonly Beat[]): UpstreamState {
  const views = alive.flatMap(({ heartbeat, ageS }) => {
    const seen = heartbeat.upstreams[name];
    if (seen === undefined) return [];
    const failedS = seen.failed_s === null ? Infinity : seen.failed_s + ageS;
    const failingS = seen.failing_s === null ? Infinity : seen.failing_s + ageS;
    return [{ ...seen, ageS: seen.asked_s + ageS, failedS, failingS, shutS: Math.max(0, seen.shut_s - ageS) }];
  });
  const newestS = Math.min(...views.map((view) => view.ageS));
  const fresh = views.filter((view) => view.ageS <= newestS + OLDER_S);
  const [newest] = fresh.toSorted((a, b) => a.ageS - b.ageS);
  if (newest === undefined) {
    return { status: 'unknown', detail: 'nobody has asked it yet', latency_ms: null, age_s: null };
  }
  const common = {
    latency_ms: fresh.find((view) => view.latency_ms !== null)?.latency_ms ?? null,
    age_s: Math.round(newest.ageS * 10) / 10,
  };
  const shutS = Math.max(...views.map((view) => view.shutS));
  if (shutS > 0) {
    return { ...common, status: 'degraded', detail: `it asks for fewer requests, for ${Math.ceil(shutS)} s more` };
  }
  if (newest.ageS > STALE_S) return { ...common, status: 'unknown', detail: 'nobody has asked it lately' };
  const failing = fresh.filter((view) => !view.ok);
  const [worst] = failing;
  if (worst !== undefined) {
    if (!failing.some((view) => view.sure)) {
      return { ...common, status: 'degraded', detail: `${wordsOf(worst.status)}, once so far` };
    }
    const sinceS = Math.min(...failing.map((view) => view.failingS));
    const isThere = failing.some(({ status }) => status === 429) || fresh.some((view) => view.ok && view.ageS < sinceS);
    return { ...common, status: isThere ? 'degraded' : 'down', detail: wordsOf(worst.status) };
  }
  if (fresh.some((view) => view.failedS <= FAILED_LATELY_S)) {
    return { ...common, status: 'degraded', detail: 'it answers again; a request failed within the last half minute' };
  }
  return { ...common, status: 'ok', detail: null };
}

function wordsOf(status: number | null): string {
  if (status === null) return 'no answer';
  if (status === 401 || status === 403) return `it refuses the key (HTTP ${status})`;
  if (status === 402) return 'its account has no credit (HTTP 402)';
  if (status === 429) return 'it asks for fewer requests (HTTP 429)';
  return `it does not answer as it should (HTTP ${status})`;
}
