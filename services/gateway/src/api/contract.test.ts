/**
 * The contract: generated requests to every operation of `openapi.json`, good ones and bad ones, and every answer is one that the
 * document describes. 600 of them here, 5,000 in `contract.slow.test.ts`.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkOperation, type Target } from '../../test/contract/check.ts';
import { OPERATIONS } from '../../test/contract/described.ts';
import { openContractStand } from '../../test/contract/stand.ts';
import { ask } from '../../test/stand.ts';
import { Problem } from '../problem.ts';

const REQUESTS = 600;

let stand: Target & { close(): Promise<void> };

beforeAll(async () => {
  stand = await openContractStand(20);
});

afterAll(() => stand.close());

test.each(OPERATIONS.map((operation) => [operation.id, operation] as const))('%s', async (_id, operation) => {
  const seen = await checkOperation(operation, stand, Math.ceil(REQUESTS / OPERATIONS.length));
  expect(seen.hasSucceeded).toBe(true);
});

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const undescribed = [...Map.groupBy(OPERATIONS, ({ path }) => path)].flatMap(([path, operations]) =>
  METHODS.filter((method) => !operations.some((operation) => operation.method === method)).map(
    (method) => [method, path, operations.map(({ method: has }) => has)] as const,
  ),
);

// The last one is the board's page too, which has an answer of its own to other methods.
test.each(undescribed.filter(([, path]) => path !== '/admin/queues/link'))(
  '%s %s is in no document: 405, and Allow names what is',
  async (method, path, described) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await ask(`${stand.url}${path.replaceAll(/[{}]/g, '')}`, { method, headers });
    expect(answer.status).toBe(405);
    expect(String(answer.headers['allow']).split(', ')).toEqual(expect.arrayContaining(described));
    expect(Problem.parse(answer.json)).toMatchObject({ type: '/problems/method-not-allowed' });
  },
);
