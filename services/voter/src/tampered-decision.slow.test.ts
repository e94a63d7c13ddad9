/** Each field of a sealed decision is changed in Redis in turn: nothing is sent, and the change is named. */
import { DecisionRecord } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import { expect, test } from 'vitest';
import { anAnswer, noAnswer } from '../../../packages/shared/test/samples.ts';
import { changesOf } from '../test/leaves.ts';
import { ballotOf, useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();
const BALLOT = ballotOf('basic');
const samples = [1, 2, 3, 4, 5].map(() => anAnswer({ ballot: BALLOT }));

const aDecided = (): Promise<VoteCase> => stand.aVote({ decision: { samples: [...samples, noAnswer()] } });
const fieldOf = (vote: VoteCase): string => `decision:${vote.proposal.id}`;
const read = async (vote: VoteCase): Promise<unknown> =>
  JSON.parse((await stand.redis().hget(keys.run(vote.runId), fieldOf(vote))) ?? 'null');
const changes = async (vote: VoteCase) =>
  changesOf(await read(vote), (changed) => DecisionRecord.safeParse(changed).success);

test('a decision that nobody touched is cast', async () => {
  const vote = await aDecided();
  expect(await vote.vote()).toEqual({ kind: 'cast' });
});

test('no change of a decision moves a vote, and each is named', { timeout: 300_000 }, async () => {
  const paths = (await changes(await aDecided())).map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(['sealed.mac', 'sealed.decision.samples.0.ballot.choice.index']));
  const wrong: unknown[] = [];
  for (const [at, path] of paths.entries()) {
    const vote = await aDecided();
    const change = (await changes(vote))[at];
    await stand.redis().hset(keys.run(vote.runId), fieldOf(vote), JSON.stringify(change?.value));
    const said = await vote.vote().catch((error: unknown) => error);
    const named =
      change?.isReadable === true
        ? JSON.stringify([said, await vote.security()]) ===
          JSON.stringify([{ kind: 'failed', why: 'signing' }, { decision_refused: 1 }])
        : said instanceof Error && said.name === 'ZodError';
    const sent = vote.sends().length + ((await vote.hubVote()) === null ? 0 : 1);
    if (!named || sent > 0 || (await vote.ledger()) !== null) wrong.push({ path, sent, said });
  }
  process.stdout.write(`${paths.length} changes of a decision\n`);
  expect(wrong).toEqual([]);
});
