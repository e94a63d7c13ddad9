/**
 * A real Prometheus scrapes every service during runs of the sandbox, by the configuration of `deploy/`: each query of each panel finds
 * data, and each alert asks for what is there. Skipped, and counted so, where there is no Prometheus.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dashboards, queriesOf, selectorsIn } from '../dashboards.ts';
import { prometheusPath, startPrometheus, type Prometheus } from '../prometheus.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, SPACE, SURE, WANTED } from './world.ts';

const ASKED = 'asked.eth';
const STUCK = 'stuck.eth';
const STARTED_WITHIN_MS = 180_000;

const executable = await prometheusPath();
const title = 'a Prometheus that scrapes Quorum';

describe.skipIf(executable === null)(
  executable === null ? `${title} (skipped: apt-get install prometheus)` : title,
  () => {
    let stack: Stack;
    let prometheus: Prometheus;
    let beganMs = 0;
    const open: (() => Promise<void>)[] = [];

    beforeAll(async () => {
      stack = await startStack({
        world: openWorld({ spaces: [SPACE, ASKED, STUCK] }),
        space: SPACE,
        moreSpaces: [ASKED, STUCK],
        preferences: { ...EVERYTHING, space_overrides: { [ASKED]: { approval: 'always' } } },
        env: SURE,
      });
      open.push(stack.stop);
      await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
      const targets = Object.groupBy(stack.metricsUrls(), ({ service }) => service);
      const hosts = Object.entries(targets).map(([service, all]) => [service, all.map(({ url }) => url.host)] as const);
      beganMs = Date.now();
      prometheus = await startPrometheus(executable ?? '', Object.fromEntries(hosts));
      open.push(prometheus.stop);
      // What happens before the first look at a counter is no rise of it.
      await until('a first look at every process', async () => {
        const seen = (await prometheus.targets()).filter(({ health }) => health === 'up');
        return seen.length === stack.metricsUrls().length;
      });

      const { votes_cast } = await stack.run();
      expect(votes_cast).toHaveLength(2);
      const held = await stack.run({ space_id: ASKED });
      expect(held.decisions.map(({ outcome }) => outcome.kind)).toEqual(['held', 'held']);
      await fetch(`${stack.url}/decisions`, { headers: { authorization: 'Bearer nobody' } });
      // Decided, and not voted on as long as the sequencer is away.
      await stack.control('POST', 'faults', { endpoint: 'sequencer', share: 1, status: 503 });
      await stack.post({ space_id: STUCK });
    }, STARTED_WITHIN_MS);
    afterAll(async () => {
      for (const close of open.toReversed()) await close();
    });

    test('sees every service', async () => {
      const targets = await prometheus.targets();
      expect(targets.map(({ scrapePool, health }) => `${scrapePool} ${health}`).toSorted()).toEqual(
        ['decider', 'fetcher', 'gateway', 'voter'].map((service) => `${service} up`),
      );
    });

    test('finds data for every query of every panel', { timeout: STARTED_WITHIN_MS }, async () => {
      const queries = dashboards().flatMap(({ dashboard }) =>
        queriesOf(dashboard, { rateInterval: '10s', range: '10m' }),
      );
      expect(queries.length).toBeGreaterThan(60);
      let empty: readonly string[] = [];
      const all = until('data for every query', async () => {
        const found = await Promise.all(
          queries.map(async ({ where, expr, instant }) => ({
            where,
            numbers: await prometheus.numbers(expr, instant ? null : beganMs),
          })),
        );
        empty = found.flatMap(({ where, numbers }) => (numbers.length === 0 ? [where] : []));
        return empty.length === 0;
      });
      await all.catch(() => undefined);
      expect(empty).toEqual([]);
    });

    test('finds data for every metric that an alert asks for, label values included', async () => {
      const rules = await prometheus.rules();
      expect(rules.length).toBeGreaterThan(20);
      for (const { name, query, health } of rules) {
        expect(health, name).not.toBe('err');
        const selectors = selectorsIn(query);
        expect(selectors.length, name).toBeGreaterThan(0);
        for (const selector of selectors) {
          expect(await prometheus.numbers(`count(${selector})`, beganMs), `${name}: ${selector}`).not.toEqual([]);
        }
      }
    });

    test('says the same as the processes themselves', async () => {
      const [cast] = await prometheus.numbers('sum(quorum_votes_total{result="cast"})', null);
      expect(cast).toBe(stack.sandbox.world.votes.length);
    });
  },
);
