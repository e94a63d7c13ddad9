/** A vote that another run sent, and of which nobody knows, is looked for by a later run only where that one sent it too. */
import { addUsage } from '@quorum/shared/decision';
import { jobIds } from '@quorum/shared/jobs';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { contentHash } from '@quorum/snapshot/content-hash';
import { expect, test } from 'vitest';
import { useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();
const away = { kind: 'failed', why: 'upstream_unavailable' } as const;

async function isSwept({ runId, proposal, ledger }: VoteCase): Promise<boolean> {
  const vote_id = (await ledger())?.vote_id ?? '';
  const id = jobIds.sweep({ run_id: runId, proposal_id: proposal.id, content_hash: contentHash(proposal), vote_id });
  return (await stand.redis().exists(`${BULL_PREFIX}:vote:${id}`)) === 1;
}

/** A run that follows on one whose vote was sent in vain. */
async function aLaterRun(given: Parameters<VoteCase['nextRun']>[0] = {}): Promise<VoteCase> {
  const first = await stand.aVote();
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: first.proposal.id }, status: 503 });
  await expect(first.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  const run = await first.nextRun(given);
  expect(await run.ledger()).toMatchObject({ state: 'reserved', sends: 1, run_id: first.runId });
  return run;
}

async function noteModelsAway({ runId, proposal }: VoteCase): Promise<void> {
  const record = { ...away, detail: 'no model answered', usage: addUsage([]) };
  await stand.redis().hset(keys.run(runId), `decision:${proposal.id}`, JSON.stringify(record));
}

/** The hub is away until nothing is tried any more. */
async function untilTheEnd(run: VoteCase): Promise<void> {
  await run.deps.records.firstPutOff(run.runId, run.proposal.id, Date.now());
  await stand.fault({ endpoint: 'hub', count: 100, match: { body_contains: run.proposal.id }, status: 503 });
  expect(await run.deliver({ now: () => Date.now() + 901_000 })).toEqual(away);
}

test.each([false, true])('not where it made no decision, dry: %s', async (dry_run) => {
  const run = await aLaterRun({ opening: { dry_run } });
  await noteModelsAway(run);
  expect(await run.deliver()).toEqual(away);
  expect(await run.deliver()).toEqual(away);
  expect(await isSwept(run)).toBe(false);
});

test('nor where the hub was away before it could send anything', async () => {
  const run = await aLaterRun();
  await untilTheEnd(run);
  expect(await isSwept(run)).toBe(false);
});

test.each(['that is put off', 'that dies'])('but where it was sent, by a try %s', async (what) => {
  const run = await aLaterRun();
  const submit = async (): Promise<never> => {
    throw new Error('killed');
  };
  const triedToVote = async (): Promise<never> => {
    throw new Error('killed');
  };
  const records = { ...run.deps.records, triedToVote };
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: run.proposal.id }, status: 503 });
  await expect(run.deliver(what === 'that dies' ? { sequencer: { submit }, records } : {})).rejects.toThrow(Error);
  await untilTheEnd(run);
  expect(await isSwept(run)).toBe(true);
});
