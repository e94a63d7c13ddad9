/** The contract, held by 5,000 requests and more: see `contract.test.ts`. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkOperation, type Target } from '../../test/contract/check.ts';
import { OPERATIONS } from '../../test/contract/described.ts';
import { openContractStand } from '../../test/contract/stand.ts';

const REQUESTS = 5_000;
const LIMIT_MS = 300_000;

let stand: Target & { close(): Promise<void> };

beforeAll(async () => {
  stand = await openContractStand(100);
});

afterAll(() => stand.close());

test(
  'each of 5,000 requests has an answer that the document describes',
  async () => {
    const each = Math.ceil(REQUESTS / OPERATIONS.length);
    let asked = 0;
    for (const operation of OPERATIONS) {
      const { statuses } = await checkOperation(operation, stand, each);
      for (const times of statuses.values()) asked += times;
    }
    expect(asked).toBeGreaterThanOrEqual(REQUESTS);
  },
  LIMIT_MS,
);
