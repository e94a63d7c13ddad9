import { SnapshotError, type SnapshotErrorKind, type Upstream } from '@quorum/snapshot/errors';
import { describe, expect, it } from 'vitest';
import {
  ERROR_CATEGORIES,
  NotFoundError,
  QuorumError,
  toQuorumError,
  treatmentOf,
  UpstreamError,
  ValidationError,
} from './errors.ts';
import { assertNever } from './assert-never.ts';

describe('the treatment of an error', () => {
  it('is retried or not, answered, and given as a reason, by its category', () => {
    const table = ERROR_CATEGORIES.map((category) => {
      const { retry, httpStatus, why } = treatmentOf(category);
      return `${category}: ${httpStatus}, ${why}${retry ? ', again' : ''}`;
    });
    expect(table).toEqual([
      'validation: 400, internal',
      'not_found: 404, internal',
      'upstream_unavailable: 503, upstream_unavailable, again',
      'upstream_rejected: 502, upstream_unavailable',
      'rate_limited: 429, upstream_unavailable, again',
      'model_output: 502, model_output, again',
      'budget: 403, internal',
      'signing: 500, signing',
      'vote_rejected: 502, vote_rejected',
      'preferences: 409, internal',
      'timeout: 504, timeout, again',
      'internal: 500, internal, again',
    ]);
  });

  it('has words of its own for each', () => {
    const words = ERROR_CATEGORIES.map((category) => treatmentOf(category).words);
    expect(new Set(words).size).toBe(ERROR_CATEGORIES.length);
  });

  it('is said for every category: one that is missing does not compile, and would throw', () => {
    // @ts-expect-error A category that is not on the list.
    expect(() => treatmentOf('bad_luck')).toThrow(TypeError);
    // @ts-expect-error A case that was forgotten.
    expect(() => assertNever('forgotten')).toThrow(/forgotten/);
  });
});

describe('what is thrown', () => {
  it('by Quorum stays as it is', () => {
    const all = [
      new ValidationError('no', [{ path: 'space_id', message: 'is missing' }]),
      new NotFoundError('run'),
      new UpstreamError('rate_limited', 'model', 'slow down', { retryAfterS: 3 }),
    ];
    for (const error of all) expect(toQuorumError(error)).toBe(error);
    expect(all.map(({ category, name }) => [category, name])).toEqual([
      ['validation', 'ValidationError'],
      ['not_found', 'NotFoundError'],
      ['rate_limited', 'UpstreamError'],
    ]);
    expect(all[2]?.retryAfterS).toBe(3);
  });

  it.for([
    ['unavailable', 'upstream_unavailable'],
    ['malformed', 'upstream_unavailable'],
    ['rate_limited', 'rate_limited'],
    ['rejected', 'upstream_rejected'],
  ] as const satisfies readonly (readonly [SnapshotErrorKind, string])[])(
    'by the Snapshot package as %s is %s',
    ([kind, category]) => {
      const thrown = new SnapshotError({ kind, upstream: 'sequencer', description: 'said no', retryAfterS: 9 });
      const error = toQuorumError(thrown);
      expect(error).toMatchObject({ category, upstream: 'sequencer', retryAfterS: 9, cause: thrown });
      expect(error.message).toContain("Snapshot's sequencer");
      expect(toQuorumError(new SnapshotError({ kind, upstream: 'hub', description: '' })).retryAfterS).toBeUndefined();
    },
  );

  it('by the hub, for a key that it does not know, names the setting; by anybody else it does not', () => {
    const refused = (upstream: Upstream, status: number): string =>
      toQuorumError(new SnapshotError({ kind: 'rejected', upstream, status, description: 'invalid api key' })).message;
    expect(refused('hub', 401)).toBe(
      "Snapshot's hub does not know the API key (invalid api key): mend SNAPSHOT_API_KEY, or leave it out.",
    );
    for (const other of [refused('hub', 400), refused('sequencer', 401)])
      expect(other).not.toContain('SNAPSHOT_API_KEY');
  });

  it('because time was up, or because it was told to stop, is a time-out', async () => {
    const stopped = AbortSignal.timeout(1);
    const thrown = await new Promise((resolve) => {
      stopped.addEventListener('abort', () => resolve(stopped.reason));
    });
    expect(toQuorumError(thrown).category).toBe('timeout');
    expect(toQuorumError(AbortSignal.abort().reason).category).toBe('timeout');
  });

  it.for([new TypeError('a bug with hunter2'), 'a text with hunter2', undefined, null, { message: 'hunter2' }])(
    'by anything else is internal, says nothing of itself and keeps it as the cause: %s',
    (thrown) => {
      const error = toQuorumError(thrown);
      expect(error).toBeInstanceOf(QuorumError);
      expect(error.category).toBe('internal');
      expect(error.message).not.toContain('hunter2');
      expect(error.cause).toBe(thrown === undefined ? undefined : thrown);
    },
  );
});
