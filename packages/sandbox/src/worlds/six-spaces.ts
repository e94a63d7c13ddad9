/**
 * Six invented DAOs with what a voting agent meets in real ones: every voting type, labels in many forms and four languages,
 * texts from one line to 90 KB, executable payloads, encrypted votes, and people who try to steer it. The texts are in
 * `six-spaces/`; windows are relative to the moment at which the world is made.
 */
import { createHash } from 'node:crypto';
import type { World } from '../world.ts';
import { BIBLIOTECA } from './six-spaces/biblioteca.ts';
import { CARAVAN } from './six-spaces/caravan.ts';
import { GARDEN } from './six-spaces/garden.ts';
import { LANTERN } from './six-spaces/lantern.ts';
import { MERIDIAN } from './six-spaces/meridian.ts';
import { PIXELS } from './six-spaces/pixels.ts';
import { DAY, HOUR, type ProposalText, type SpaceText } from './six-spaces/text.ts';

export const SIX_SPACES: readonly SpaceText[] = [LANTERN, GARDEN, MERIDIAN, BIBLIOTECA, CARAVAN, PIXELS];

/** What everybody may vote with, in every space. */
const VOTING_POWER = 100;
/** Proposals of one space share a few authors. */
const AUTHORS = 3;

/** `now` in Unix seconds. The same `now` makes the same world, ids included; the clock of the world is the real one. */
export function sixSpacesWorld({ now }: { readonly now: number }): World {
  return {
    now: null,
    spaces: SIX_SPACES.map((text) => space(text, now)),
    proposals: SIX_SPACES.flatMap((text) => text.proposals.map((each, at) => proposal(text, each, at, now))),
    voting_power: SIX_SPACES.map(({ id }) => ({ space: id, default: true, vp: VOTING_POWER })),
  };
}

function space({ id, name, about, symbol, quorum }: SpaceText, now: number): NonNullable<World['spaces']>[number] {
  return {
    id,
    name,
    about,
    symbol,
    strategies: strategies(id, symbol),
    admins: [address(`${id}/admin`)],
    voting: { delay: 0, period: 5 * DAY, quorum },
    created: now - 700 * DAY,
  };
}

function proposal(of: SpaceText, text: ProposalText, at: number, now: number): NonNullable<World['proposals']>[number] {
  const { name, kind, attack: _, opens, ends, choices, scores, body, ...terms } = text;
  const start = now + opens;
  return {
    quorum: of.quorum,
    ...terms,
    id: digest(`${of.id}/${name}@${now}`),
    space: of.id,
    author: address(`${of.id}/author ${kind === 'scam' ? 'of scams' : at % AUTHORS}`),
    choices: [...choices],
    body: body.trim(),
    discussion: kind === 'scam' ? '' : `https://forum.${of.id.replace('.eth', '')}.example/t/${name}`,
    symbol: of.symbol,
    strategies: strategies(of.id, of.symbol),
    created: Math.min(start, now) - HOUR,
    start,
    end: now + ends,
    ...(scores === undefined ? {} : { scores: [...scores] }),
  };
}

function strategies(id: string, symbol: string) {
  const params = { symbol, decimals: 18, address: address(`${id}/token`) };
  return [{ name: 'erc20-balance-of', network: '1', params }];
}

function digest(text: string): string {
  return `0x${createHash('sha256').update(text).digest('hex')}`;
}

/** An address that nobody holds the key of. */
function address(name: string): string {
  return digest(name).slice(0, 42);
}
