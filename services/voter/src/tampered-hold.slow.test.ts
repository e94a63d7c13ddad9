/**
 * Each field of a hold that its owner approved is changed in Redis in turn, their answer's included, and its job is worked: nothing is
 * sent, and the change is named. What is changed below moves no vote; the ballot that was approved is cast all the same.
 */
import { HoldSubject, HoldState, SealedAnswer } from '@quorum/shared/hold';
import { HeldWhy } from '@quorum/shared/outcome';
import { keys } from '@quorum/shared/redis-keys';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { aHeldVote, answer, castHold, holdOf } from '../test/holds.ts';
import { changesOf } from '../test/leaves.ts';
import { useStand, type VoteCase } from '../test/stand.ts';

const stand = useStand();

/**
 * Fields whose change does no harm, and why. What is shown can mislead an owner who has yet to answer; but what they approve is sealed
 * with the ballot in its words and the hash of the text, and holds for nothing else.
 */
const HARMLESS: readonly { readonly path: RegExp; readonly why: string }[] = [
  { path: /^id$/, why: 'nobody reads it: the hold is found by its key' },
  { path: /^why$/, why: 'the owner has answered what was asked' },
  { path: /^deadline$/, why: 'a millisecond; the pre-flight keeps the real one, by the proposal' },
  { path: /^subject\.(title|link|voting_type|choices|created_at|deadline)/, why: 'shown' },
  { path: /^subject\.(confidence|agreement|risk_level|stakes|reasoning|key_factors|evidence_hash)/, why: 'shown' },
  {
    path: /^subject\.ballot/,
    why: 'shown; what was approved is in the sealed answer, and was decided in the sealed decision',
  },
  { path: /^subject\.voter$/, why: 'shown; who votes is in the licence' },
  {
    path: /^subject\.end$/,
    why: 'only bounds how long a hub that is away is waited for; the pre-flight reads the proposal',
  },
];

/** Whoever can write to Redis can end a hold, as they can pause voting: there is no vote then (ADR 13). */
const ENDS = /^state$/;

const Fields = z.record(z.string(), z.string());
const Parts = z.object({
  subject: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(HoldSubject),
  answer: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(SealedAnswer),
  state: HoldState,
  why: HeldWhy,
  deadline: z.coerce.number().int(),
});

async function anApproved(): Promise<VoteCase & { readonly key: string }> {
  const vote = await aHeldVote(stand);
  await answer(vote);
  return { ...vote, key: keys.hold((await holdOf(vote)).subject.hold_id) };
}
const changesIn = async (key: string) =>
  changesOf(await stand.redis().hgetall(key), (changed) => Parts.safeParse(changed).success);

test(
  'no change of a hold makes another vote than was approved, and what could is named',
  { timeout: 300_000 },
  async () => {
    const untouched = await anApproved();
    expect(await castHold(untouched)).toBe('cast');
    const paths = (await changesIn((await anApproved()).key)).map(({ path }) => path);
    const wrong: unknown[] = [];
    const harmless: string[] = [];
    for (const [at, path] of paths.entries()) {
      const vote = await anApproved();
      await stand.redis().hset(vote.key, Fields.parse((await changesIn(vote.key))[at]?.value));
      const said = await castHold(vote).catch((error: unknown) => error);
      const end = (await holdOf(vote).catch(() => null))?.end;
      const named = [
        ...Object.keys(await vote.security()),
        ...(said instanceof Error ? [said.message] : []),
        ...(end?.outcome.kind === 'failed' ? [`${end.outcome.why}: ${end.detail}`] : []),
      ];
      const choice = (await vote.hubVote())?.choice;
      const isSent = vote.sends().length > 0 || choice !== undefined;
      const isHarmless = HARMLESS.some((one) => one.path.test(path)) && said === 'cast' && choice === 1;
      if (isHarmless) harmless.push(path);
      else if (isSent || (named.length === 0 && !ENDS.test(path))) wrong.push({ path, said, named, choice });
    }
    process.stdout.write(`${paths.length} changes of a hold, harmless: ${harmless.join(' ')}\n`);
    expect(wrong).toEqual([]);
  },
);
