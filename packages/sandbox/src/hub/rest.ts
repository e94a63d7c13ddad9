/** `/api/*`: what is left of the hub's REST API. Votes are sent on to the sequencer, which is at `/` here. */
import { CORS, reply, type Answer, type Handler, type SandboxRequest } from '../http.ts';
import type { LiveWorld } from '../live-world.ts';
import type { WorldSpace } from '../world.ts';
import { isTurbo } from './counts.ts';

export function hubError(status: number, description: string, headers: Record<string, string> = {}): Answer {
  return reply(status, { error: 'unauthorized', error_description: description }, { ...CORS, ...headers });
}

export function createHubApi(world: LiveWorld): Handler {
  return (request): Answer => {
    const path = new URL(request.url, 'http://sandbox').pathname.replace(/\/$/, '');
    const [, , what = '', id = ''] = path.split('/');
    if (what === 'msg') return sentOn(request, '', '');
    if (what === 'message') return hubError(410, 'gone');
    if (what === 'scores' && id !== '') return sentOn(request, `/scores/${id}`, 'text/plain; charset=utf-8');
    if (what === 'spaces' && id !== '') {
      const space = world.space(decodeURIComponent(id));
      return space ? reply(200, settingsOf(world, space), CORS) : hubError(404, 'not_found');
    }
    if (what === '') return reply(200, { name: 'snapshot-hub', network: 'mainnet', version: '0.1.3' }, CORS);
    return hubError(404, 'not_found');
  };
}

/** 307 keeps method and body. With a content type the answer says in words where to go. */
function sentOn(request: SandboxRequest, path: string, type: string): Answer {
  const location = `http://${request.headers['host'] ?? 'localhost'}${path}`;
  const text = type === '' ? '' : `Temporary Redirect. Redirecting to ${location}`;
  return reply(307, text, { ...CORS, location, ...(type === '' ? {} : { 'content-type': type }) });
}

/** A space's settings as they were stored, without what nobody set. */
function settingsOf(world: LiveWorld, space: WorldSpace): unknown {
  const { name, about, network, symbol, strategies, admins, members, plugins, filters, voting, validation } = space;
  const { voteValidation, delegationPortal, categories, treasuries, labels, flagged, verified, hibernated } = space;
  return {
    name,
    about,
    network,
    symbol,
    strategies,
    admins,
    members,
    plugins,
    ...set({ filters, delegationPortal, treasuries, labels }),
    voting: set(voting),
    validation,
    voteValidation,
    categories,
    domain: space.domain ?? null,
    flagged,
    verified,
    turbo: isTurbo(world, space),
    turboExpiration: space.turboExpiration ?? 0,
    hibernated,
    deleted: false,
  };
}

function set(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null && value !== undefined));
}
