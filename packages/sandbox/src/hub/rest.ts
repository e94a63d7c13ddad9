/** `/api/*`: what is left of the hub's REST API. Votes are sent on to the sequencer, which is at `/` here. */
import { CORS, htmlError, reply, type Answer, type Handler, type Reply, type SandboxRequest } from '../http.ts';
import type { LiveWorld } from '../live-world.ts';
import type { WorldSpace } from '../world.ts';
import { isTurbo } from './counts.ts';

export function hubError(status: number, description: string, headers: Record<string, string> = {}): Answer {
  return reply(status, { error: 'unauthorized', error_description: description }, { ...CORS, ...headers });
}

export function createHubApi(world: LiveWorld): Handler {
  return (request): Answer => {
    const path = new URL(request.url, 'http://sandbox').pathname.replace(/\/$/, '');
    const [, , what = '', id = '', more = ''] = path.split('/');
    if (request.method === 'POST') {
      if (path === '/api/msg') return sentOn(request, '', '');
      if (path === '/api/message') return hubError(410, 'personal sign is not supported anymore');
      return nowhere(request);
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return nowhere(request);
    if (path === '/api') return reply(200, { name: 'snapshot-hub', network: 'mainnet', version: '0.1.3' }, CORS);
    if (what === 'scores' && id !== '') return sentOn(request, `/scores/${id}`, PLAIN);
    if (what === 'spaces' && id !== '') {
      if (more === 'poke') return sentOn(request, `/spaces/${id}/poke`, PLAIN);
      const space = world.space(decodeURIComponent(id));
      return space ? reply(200, settingsOf(world, space), CORS) : hubError(404, 'not_found');
    }
    return reply(302, 'Found. Redirecting to /api', { ...CORS, location: '/api', 'content-type': PLAIN });
  };
}

const PLAIN = 'text/plain; charset=utf-8';

/** What neither server serves: express's own page, which goes through all that stands before the routes. */
export function nowhere({ method, url }: Pick<SandboxRequest, 'method' | 'url'>): Reply {
  const page = htmlError(404, `Cannot ${method} ${url.split('?')[0]}`);
  return { ...page, headers: { ...page.headers, ...CORS } };
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
