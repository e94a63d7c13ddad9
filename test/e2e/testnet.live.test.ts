/** `npm run test:testnet`: docs/operations/testnet.md says what it needs. Without it, it is skipped and says why. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lookForTestnet, runOnTestnet } from '../testnet.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-testnet-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test(
  'one run in a real testnet space casts one vote, which the hub has as it was decided',
  { timeout: 600_000 },
  async ({ skip }) => {
    const found = await lookForTestnet(process.env);
    if (found.kind === 'missing') {
      process.stdout.write(`Skipped: ${found.why}\n`);
      return skip(found.why);
    }
    const { first, second, votes, verdict } = await runOnTestnet(found.testnet, dir);
    expect(first, JSON.stringify(first, null, 2)).toMatchObject({ status: 'completed', dry_run: false });
    expect(first.votes_cast, 'is there an open proposal on which the voter has power and has not voted?').toHaveLength(
      1,
    );
    expect(votes.map(({ id }) => id)).toEqual([first.votes_cast[0]?.receipt?.id]);
    expect(verdict).toMatchObject({ voter: found.testnet.TESTNET_VOTER_ADDRESS, faults: [] });
    expect(second.votes_cast.map(({ proposal_id: id }) => id)).not.toContain(first.votes_cast[0]?.proposal_id);
  },
);
