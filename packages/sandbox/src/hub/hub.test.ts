/** The hub's lists: filters, order, pages. The error shapes are covered by the recorded cases. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { ask } from '../../test/client.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';
import { demoWorld, DEMO_SPACE } from '../worlds/demo.ts';

const now = 1_800_000_000;
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ world: { ...demoWorld({ now }), now } });
});
afterAll(() => sandbox.close());

const Rows = z.array(
  z.object({ id: z.string(), created: z.int(), end: z.int(), state: z.string(), flagged: z.boolean() }),
);

async function proposals(args: string): Promise<z.output<typeof Rows>> {
  return Rows.parse((await ask(sandbox.url, `{ proposals(${args}) { id created end state flagged } }`))['proposals']);
}

test('active, not flagged, soonest end first', async () => {
  const rows = await proposals(
    `first: 1000, where: {space: "${DEMO_SPACE}", state: "active", flagged: false}, orderBy: "end", orderDirection: asc`,
  );
  expect(rows).toHaveLength(8);
  expect(rows.every(({ state, flagged }) => state === 'active' && !flagged)).toBe(true);
  expect(rows.map(({ end }) => end)).toEqual(rows.map(({ end }) => end).toSorted((a, b) => a - b));
});

test('paging by key sees every proposal once', async () => {
  const all = await proposals('first: 1000');
  expect(all).toHaveLength(11);
  const seen = new Set<string>();
  let before = now + 1_000_000;
  for (;;) {
    const page = await proposals(`first: 4, where: {created_lte: ${before}}, orderBy: "created", orderDirection: desc`);
    const fresh = page.filter(({ id }) => !seen.has(id));
    if (fresh.length === 0) break;
    for (const { id } of fresh) seen.add(id);
    before = Math.min(...page.map(({ created }) => created));
  }
  expect(seen.size).toBe(11);
});

test('voting power, in a space and on a proposal', async () => {
  const [row] = await proposals('first: 1');
  const query =
    'query ($v: String!, $s: String!, $p: String) { vp(voter: $v, space: $s, proposal: $p) { vp vp_state } }';
  const variables = { v: '0x000000000000000000000000000000000000dead', s: DEMO_SPACE, p: row?.id };
  expect((await ask(sandbox.url, query, variables))['vp']).toEqual({ vp: 100, vp_state: 'final' });
});
