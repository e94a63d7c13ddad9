/** The kill switch with votes at every step on two voter services: once it was pulled, no send begins later than a second after. */
import { afterEach, expect, test } from 'vitest';
import { createTransitions } from '@quorum/shared/transitions';
import { enqueueAll } from '../test/enqueue.ts';
import { aFleet, outcomesOf, type FleetVote } from '../test/fleet.ts';
import { until, useStand } from '../test/stand.ts';
import { settingsFor, startVoterProcess } from '../test/voter-process.ts';

const stand = useStand();
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const EACH = 60;
/** Sends after which it is pulled: most votes are under way or wait by then. */
const BEFORE = 10;
const WITHIN_MS = 1_000;

test.each(['owner', 'all'] as const)(
  'voting that is paused for %s stops what is signed and not sent, on both',
  async (scope) => {
    const fleet = await aFleet(stand, { voters: 2, each: EACH });
    const [paused, other] = fleet.voters;
    if (paused === undefined || other === undefined) throw new Error('two voters');
    const byVoter = (votes: readonly FleetVote[], stopped: boolean) =>
      votes.filter(({ of }) => (scope === 'all' || of.owner === paused.owner) === stopped);
    const sendsOf = (votes: readonly FleetVote[]) => {
      const ids = new Set(votes.map(({ proposal }) => `"proposal":"${proposal.id}"`));
      return stand
        .sandbox()
        .world.received.filter(
          ({ endpoint, body }) =>
            endpoint === 'sequencer' && ids.has(/"proposal":"0x[0-9a-f]+"/.exec(JSON.stringify(body))?.[0] ?? ''),
        );
    };
    // Slow, and each request slower or faster than the one before: at any moment there are votes at every step.
    await stand.fault({ endpoint: 'hub', share: 0.5, latency_ms: 150 });
    await stand.fault({ endpoint: 'sequencer', share: 0.5, latency_ms: 250 });
    const env = { ...(await settingsFor(stand, fleet.voters)), SEQUENCER_SENDS_PER_MINUTE: '10000', CONCURRENCY: '8' };
    const services = await Promise.all([startVoterProcess(stand, env), startVoterProcess(stand, env)]);
    closers.push(() => Promise.all(services.map((service) => service.stop())));
    await enqueueAll(stand, fleet.votes);
    await until('some votes to be sent', () => sendsOf(byVoter(fleet.votes, true)).length >= BEFORE);

    const wish = { owner: paused.owner, by: 'a test', scope, enabled: false };
    await createTransitions(stand.redis()).setVoting(wish, Date.now());
    const pausedAt = Date.now();
    const reserved = async (): Promise<number> => {
      const entries = await Promise.all(
        fleet.votes.map(({ of, proposal }) => of.deps.records.ledger(of.voter, proposal.space, proposal.id)),
      );
      return entries.filter((entry) => entry?.state === 'reserved').length;
    };
    const inFlight = await reserved();
    const open = async (): Promise<number> =>
      [...(await outcomesOf(fleet.votes)).values()].filter((record) => record === undefined).length;
    await expect.poll(open, { timeout: 60_000 }).toBe(0);

    const stopped = byVoter(fleet.votes, true);
    const late = sendsOf(stopped).map(({ arrived_ms: at }) => at - pausedAt);
    const kinds = [...(await outcomesOf(stopped)).values()].map((record) => {
      const outcome = record?.outcome;
      return outcome?.kind === 'held' ? outcome.why : outcome?.kind;
    });
    const held = kinds.filter((kind) => kind === 'voting_paused').length;
    const cast = kinds.filter((kind) => kind === 'cast').length;
    process.stdout.write(
      `paused for ${scope}: ${cast} cast, ${held} held, ${inFlight} reserved at that moment, last send ${Math.max(...late)} ms after\n`,
    );
    expect(late.filter((ms) => ms > WITHIN_MS)).toEqual([]);
    expect(inFlight).toBeGreaterThan(0);
    expect(cast + held).toBe(stopped.length);
    expect(held).toBeGreaterThan(0);
    // What was held was not sent, and nobody else is stopped.
    expect(new Set(sendsOf(stopped).map(({ body }) => JSON.stringify(body))).size).toBe(cast);
    const free = byVoter(fleet.votes, false);
    const went = [...(await outcomesOf(free)).values()].map((record) => record?.outcome.kind);
    expect(went).toEqual(free.map(() => 'cast'));
  },
  180_000,
);
