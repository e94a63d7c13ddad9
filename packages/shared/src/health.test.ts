/** What the whole is said to be, from what its processes said: a fold, and its laws. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldHealth, Health, type Known, type QueueHealth } from './health.ts';
import { Heartbeat, SERVICE_NAMES, UPSTREAM_NAMES, type Beat, type SeenUpstream } from './heartbeat.ts';
import { QUEUES } from './jobs.ts';

const GOOD: SeenUpstream = {
  ok: true,
  status: 200,
  latency_ms: 12,
  asked_s: 1,
  failing_s: null,
  failed_s: null,
  sure: true,
  shut_s: 0,
};
const LOST: SeenUpstream = { ...GOOD, ok: false, status: null, failing_s: 4, failed_s: 1 };
const FINE = { status: 'ok', detail: null } as const;

/** A beat of a process that is well, and sees all that is well. */
function aBeat(service: Heartbeat['service'], changes: Partial<Heartbeat> = {}, ageS = 1): Beat {
  const heartbeat: Heartbeat = {
    service,
    instance: 'abcdef012345',
    version: '0.1.0',
    started_at: '2026-11-20T12:00:00.000Z',
    every_s: 2,
    working: true,
    redis_ms: 1,
    event_loop_ms: 3,
    cpu: 0.1,
    memory_bytes: 100_000_000,
    memory_share: 0.1,
    disk_free_bytes: 50_000_000_000,
    upstreams: {},
    parts: {},
    ...changes,
  };
  return { heartbeat, ageS };
}

const seeing = {
  gateway: { parts: { preferences: FINE, queues: FINE } },
  fetcher: { upstreams: { hub: GOOD }, parts: { preferences: FINE } },
  decider: { upstreams: { model: GOOD } },
  voter: { upstreams: { hub: GOOD, sequencer: GOOD }, parts: { signer: FINE } },
} as const satisfies Record<Heartbeat['service'], Partial<Heartbeat>>;

/** All four services, each as it should be but for these changes. */
function beats(changes: Partial<Record<Heartbeat['service'], Partial<Heartbeat>>> = {}): Beat[] {
  return SERVICE_NAMES.map((service) => aBeat(service, { ...seeing[service], ...changes[service] }));
}

const QUIET: QueueHealth[] = QUEUES.map((queue) => ({
  queue,
  ...FINE,
  waiting: 0,
  active: 0,
  failed: 0,
  oldest_s: null,
}));
const WELL: Known = { redisMs: 1, beats: beats(), queues: QUIET };

const partOf = (health: Health, name: string) => health.parts.find(({ part }) => part === name);
const folded = (changes: Parameters<typeof beats>[0]) => foldHealth({ ...WELL, beats: beats(changes) });

describe('the whole', () => {
  it('is ok where every part is known to be', () => {
    const health = foldHealth(WELL);
    expect(health.parts.filter(({ status, detail }) => status !== 'ok' || detail !== null)).toEqual([]);
    expect(health).toMatchObject({ status: 'ok', instances: [{}, {}, {}, {}] });
    expect(Health.strict().parse(health)).toEqual(health);
  });

  it('is down without Redis, and says of the rest that nobody tells', () => {
    const health = foldHealth({ redisMs: null, beats: null, queues: null });
    expect(health.status).toBe('down');
    expect(partOf(health, 'redis')).toMatchObject({ status: 'down', latency_ms: null });
    expect(health.parts.filter(({ part, status }) => part !== 'redis' && status !== 'unknown')).toEqual([]);
  });

  it('goes by what the gateways say of the queues where nobody else looked', () => {
    const stuck = { status: 'down', detail: 'vote: it is paused' } as const;
    const health = foldHealth({ ...WELL, queues: null, beats: beats({ gateway: { parts: { queues: stuck } } }) });
    expect(partOf(health, 'queues')).toMatchObject(stuck);
    expect(health.queues).toEqual([]);
  });
});

describe('a service', () => {
  const without = (service: string) => WELL.beats?.filter(({ heartbeat }) => heartbeat.service !== service) ?? [];

  it.each(SERVICE_NAMES)('%s is down where nothing was heard of it, or nothing lately', (service) => {
    const gone = foldHealth({ ...WELL, beats: without(service) });
    expect(partOf(gone, service)).toMatchObject({ status: 'down', age_s: null });
    // Three beats of two seconds, and one second.
    const silent = (ageS: number) =>
      partOf(foldHealth({ ...WELL, beats: [...without(service), aBeat(service, seeing[service], ageS)] }), service);
    expect(silent(7)).toMatchObject({ status: 'ok', age_s: 7 });
    expect(silent(7.1)).toMatchObject({ status: 'down', age_s: 7.1, detail: 'its processes are silent' });
  });

  it('is down where it takes no jobs, and degraded where one of several does not', () => {
    expect(partOf(folded({ voter: { working: false } }), 'voter')).toMatchObject({ status: 'down' });
    const second = aBeat('voter', { instance: '000000000001', working: false });
    expect(partOf(foldHealth({ ...WELL, beats: [...beats(), second] }), 'voter')).toMatchObject({
      status: 'degraded',
      detail: '1 of 2 processes work',
    });
  });

  it('is well where one vanished and another took its place', () => {
    const dead = aBeat('voter', { instance: '000000000001' }, 30);
    const health = foldHealth({ ...WELL, beats: [...beats(), dead] });
    expect(partOf(health, 'voter')).toMatchObject({ status: 'ok', detail: '1 of 2 processes work', age_s: 1 });
    expect(health.status).toBe('ok');
  });

  it('that is silent says nothing of upstreams any more', () => {
    const dead = aBeat('decider', { upstreams: { model: GOOD } }, 20);
    expect(partOf(foldHealth({ ...WELL, beats: [...without('decider'), dead] }), 'model')).toMatchObject({
      status: 'unknown',
    });
  });
});

describe('an upstream', () => {
  const hub = (...views: SeenUpstream[]) =>
    partOf(
      foldHealth({ ...WELL, beats: views.map((seen) => aBeat('fetcher', { upstreams: { hub: seen } }, 0)) }),
      'hub',
    );

  it.each([
    ['well', [GOOD], 'ok', null],
    ['not asked by anybody', [], 'unknown', 'nobody has asked it yet'],
    ['not asked for long', [{ ...GOOD, asked_s: 121 }], 'unknown', 'nobody has asked it lately'],
    ['lost', [LOST], 'down', 'no answer'],
    [
      'lost to one request, which may be that of a moment',
      [{ ...LOST, sure: false }],
      'degraded',
      'no answer, once so far',
    ],
    ['lost to one request of one, and for sure to another', [{ ...LOST, sure: false }, LOST], 'down', 'no answer'],
    ['ill', [{ ...LOST, status: 500 }], 'down', 'it does not answer as it should (HTTP 500)'],
    ['closed to our key', [{ ...LOST, status: 401 }], 'down', 'it refuses the key (HTTP 401)'],
    ['without credit', [{ ...LOST, status: 402 }], 'down', 'its account has no credit (HTTP 402)'],
    ['busy', [{ ...LOST, status: 429, shut_s: 12.1 }], 'degraded', 'it asks for fewer requests, for 13 s more'],
    ['busy a moment ago', [{ ...LOST, status: 429 }], 'degraded', 'it asks for fewer requests (HTTP 429)'],
    ['lost to one of two', [GOOD, LOST], 'degraded', 'no answer'],
    ['lost, as the other of two has not seen yet', [{ ...GOOD, asked_s: 5 }, LOST], 'down', 'no answer'],
    [
      'lost to one for long, and lost now, as the third has not seen yet',
      [{ ...LOST, failing_s: 3_600 }, LOST, { ...GOOD, asked_s: 5 }],
      'down',
      'no answer',
    ],
    ['lost to both of two', [LOST, LOST], 'down', 'no answer'],
    ['back, as one saw that has asked since', [GOOD, { ...LOST, asked_s: 9.1 }], 'ok', null],
    ['back', [{ ...GOOD, failed_s: 30 }], 'degraded', 'it answers again; a request failed within the last half minute'],
    ['back for long', [{ ...GOOD, failed_s: 30.1 }], 'ok', null],
  ] as const)('that is %s', (_what, views, status, detail) => {
    expect(hub(...views)).toMatchObject({ status, detail });
  });

  it('is as old as the newest view of it, and its beat', () => {
    const views = [
      { ...GOOD, asked_s: 9 },
      { ...GOOD, asked_s: 3, latency_ms: 40 },
    ];
    const told = views.map((seen) => aBeat('fetcher', { upstreams: { hub: seen } }, 1.5));
    expect(partOf(foldHealth({ ...WELL, beats: told }), 'hub')).toMatchObject({ age_s: 4.5, latency_ms: 12 });
  });
});

describe('what a process uses', () => {
  it.each([
    ['event_loop', { event_loop_ms: 1_000 }, 'degraded', 'decider: it was held up for 1000 ms'],
    ['event_loop', { event_loop_ms: 999 }, 'ok', null],
    ['cpu', { cpu: 0.96 }, 'degraded', 'decider: it uses 0.96 cores'],
    ['memory', { memory_share: 0.9 }, 'degraded', 'decider: it takes 90 % of what it may'],
    ['disk', { disk_free_bytes: 1_900_000_000 }, 'degraded', 'decider: 1.9 GB are free'],
    ['disk', { disk_free_bytes: 190_000_000 }, 'down', 'decider: 0.2 GB are free'],
    ['disk', { disk_free_bytes: null }, 'ok', null],
  ] as const)('%s: %o', (part, changes, status, detail) => {
    expect(partOf(folded({ decider: { ...seeing.decider, ...changes } }), part)).toMatchObject({ status, detail });
  });
});

const aStatus = fc.constantFrom('ok', 'degraded', 'down', 'unknown');
const aState = fc.record({ status: aStatus, detail: fc.constantFrom(null, 'words') });
const aSeen = fc.record({
  ok: fc.boolean(),
  status: fc.constantFrom(null, 200, 401, 429, 500),
  latency_ms: fc.option(fc.integer({ min: 0, max: 60_000 })),
  asked_s: fc.double({ min: 0, max: 1_000, noNaN: true }),
  failing_s: fc.option(fc.double({ min: 0, max: 1_000, noNaN: true })),
  failed_s: fc.option(fc.double({ min: 0, max: 1_000, noNaN: true })),
  sure: fc.boolean(),
  shut_s: fc.constantFrom(0, 0, 30),
});
const anyBeat: fc.Arbitrary<Beat> = fc
  .record({
    service: fc.constantFrom(...SERVICE_NAMES),
    working: fc.boolean(),
    event_loop_ms: fc.integer({ min: 0, max: 5_000 }),
    cpu: fc.double({ min: 0, max: 2, noNaN: true }),
    memory_share: fc.double({ min: 0, max: 1, noNaN: true }),
    disk_free_bytes: fc.option(fc.integer({ min: 0, max: 3_000_000_000 })),
    upstreams: fc.dictionary(fc.constantFrom(...UPSTREAM_NAMES), aSeen, { noNullPrototype: true }),
    parts: fc.dictionary(fc.constantFrom('preferences', 'signer', 'queues'), aState, { noNullPrototype: true }),
    ageS: fc.double({ min: 0, max: 60, noNaN: true }),
  })
  .map(({ service, ageS, ...changes }) => ({
    heartbeat: Heartbeat.parse({ ...aBeat(service).heartbeat, ...changes }),
    ageS,
  }));
const anyKnown: fc.Arbitrary<Known> = fc.record({
  redisMs: fc.option(fc.integer({ min: 0, max: 2_000 })),
  beats: fc.option(fc.array(anyBeat, { maxLength: 8 })),
  queues: fc.option(
    fc.tuple(...QUIET.map((queue) => aState.map((state) => ({ ...queue, ...state })))).map((queues) => [...queues]),
  ),
});

describe('whatever is known', () => {
  it('the whole is as bad as its worst part, and ok only where each part is', () => {
    fc.assert(
      fc.property(anyKnown, (known) => {
        const { status, parts } = Health.strict().parse(foldHealth(known));
        const has = (of: string): boolean => parts.some((part) => part.status === of);
        expect(status === 'down').toBe(has('down'));
        expect(status === 'ok').toBe(parts.every((part) => part.status === 'ok'));
        expect(new Set(parts.map(({ part }) => part)).size).toBe(parts.length);
      }),
    );
  });

  it('what is down says why', () => {
    fc.assert(
      fc.property(anyKnown, (known) => {
        const told = (known.beats ?? []).every(({ heartbeat }) =>
          Object.values(heartbeat.parts).every(({ status, detail }) => status === 'ok' || detail !== null),
        );
        fc.pre(told && (known.queues ?? []).every(({ status, detail }) => status === 'ok' || detail !== null));
        for (const { status, detail } of foldHealth(known).parts) if (status === 'down') expect(detail).not.toBeNull();
      }),
    );
  });
});
