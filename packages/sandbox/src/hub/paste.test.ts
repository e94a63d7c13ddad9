/** What a hub answers can be put into a world as it is, and the sandbox then answers the same. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, call } from '../../test/client.ts';
import { recordedHubWorld } from '../../test/recorded-hub-world.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';

const SPACES = `{ spaces(first: 1000) {
  id name private about avatar cover terms location website twitter github farcaster coingecko email discussions
  discourseCategory network symbol skin domain strategies { name network params } admins members moderators
  filters { minScore onlyMembers } plugins categories validation { name params } voteValidation { name params }
  voting { delay period type quorum quorumType blind hideAbstain privacy aliased }
  delegationPortal { delegationType delegationContract delegationNetwork delegationApi }
  treasuries { name address network } labels { id name description color } boost { enabled bribeEnabled }
  skinSettings { bg_color theme logo } parent { id } children { id } guidelines template verified flagged flagCode
  hibernated turbo turboExpiration rank created activeProposals proposalsCount votesCount followersCount
} }`;
const PROPOSALS = `{ proposals(first: 1000) {
  id ipfs author created updated space { id } network symbol type strategies { name network params }
  validation { name params } plugins title body discussion choices labels start end quorum quorumType privacy snapshot
  state link app scores scores_by_strategy scores_state scores_total scores_updated scores_total_value
  vp_value_by_strategy votes flagged flagCode
} }`;
const VOTES = `{ votes(first: 1000) {
  id ipfs voter created space { id } proposal { id } choice metadata reason app vp vp_by_strategy vp_state vp_value
} }`;

let sandbox: Sandbox;
beforeAll(async () => {
  const world = recordedHubWorld();
  const ids = new Set(world.proposals?.map(({ id }) => id));
  // A vote that was cast in capitals has lost its proposal on the hub too: nobody can put it back.
  const votes = world.votes?.filter(({ proposal }) => typeof proposal !== 'string' || ids.has(proposal));
  sandbox = await startSandbox({ world: { ...world, votes } });
});
afterAll(() => sandbox.close());

async function everything(): Promise<Record<string, unknown>> {
  const answers = [SPACES, PROPOSALS, VOTES].map((query) => ask(sandbox.url, query));
  return Object.assign({}, ...(await Promise.all(answers)));
}

test('a world read from the hub and put back is the same world', async () => {
  const before = await everything();
  expect(before).toMatchObject({ proposals: expect.any(Array), votes: expect.any(Array) });
  const put = await call('PUT', `${sandbox.url}/_sandbox/world`, { now: recordedHubWorld().now, ...before });
  expect(put).toMatchObject({ status: 200, body: { ok: true } });
  expect(await everything()).toEqual(before);
});
