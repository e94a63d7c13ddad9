/** `/_sandbox`: the control API. Loopback only, whatever address the sandbox listens on. */
import { Router, type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import { Fault, type Faults } from './faults.ts';
import { readRequest, send } from './http.ts';
import type { LiveWorld } from './live-world.ts';
import { applySetting, ModelSetting, type ModelSettings } from './model/personas.ts';
import type { Received } from './received.ts';
import type { Keypers } from './sequencer/keypers.ts';
import { EON_PUBLIC_KEY } from './sequencer/shutter-keys.ts';
import { parseWorld, WorldError } from './world.ts';

export type Controlled = {
  readonly world: LiveWorld;
  readonly keypers: Keypers;
  readonly faults: Faults;
  readonly model: ModelSettings;
  readonly received: Pick<Received, 'list' | 'clear'>;
};

const Release = z.strictObject({ proposal: z.string() });
const ClockSetting = z.strictObject({ now: z.int().nonnegative().nullable() });

export function createControl({ world, keypers, faults, model, received }: Controlled): Router {
  const router = Router();
  router.use(loopbackOnly);
  const routes: Record<string, (body: unknown) => unknown> = {
    'PUT /world': (body) => world.replace(parseWorld(body)),
    'PATCH /world': (body) => world.add(parseWorld(body)),
    'GET /received': () => ({ received: received.list() }),
    'DELETE /received': () => received.clear(),
    'POST /faults': (body) => {
      faults.add(Fault.parse(body));
      return { faults: faults.list() };
    },
    'DELETE /faults': () => faults.clear(),
    'POST /clock': (body) => {
      world.clock.set(ClockSetting.parse(body).now);
      return { now: world.clock.now() };
    },
    'GET /shutter': () => ({ eon_public_key: EON_PUBLIC_KEY }),
    'POST /shutter': async (body) => {
      const { proposal: id } = Release.parse(body);
      const proposal = world.proposal(id);
      if (!proposal) throw new WorldError(`no proposal ${id}`);
      await keypers.release(proposal);
    },
    'POST /model': (body) => applySetting(model, ModelSetting.parse(body)),
  };
  router.use(async (request, response) => {
    const run = routes[`${request.method} ${request.path}`];
    if (run) return command(run, request, response);
    response.status(404).json({ error: 'not_found', detail: `known: ${Object.keys(routes).join(', ')}` });
  });
  return router;
}

/** Runs a command on the body; what is wrong with the body is answered in words, with 400. */
async function command(run: (body: unknown) => unknown, request: Request, response: Response): Promise<void> {
  const read = readRequest(request);
  if ('kind' in read) {
    send(read, response);
    return;
  }
  // Without this, a PUT whose content type was forgotten would empty the world without a word.
  if (read.text === '' && ['PUT', 'PATCH', 'POST'].includes(request.method)) {
    response.status(400).json({ error: 'invalid', detail: 'needs a body with content-type: application/json' });
    return;
  }
  try {
    response.json((await run(read.body)) ?? { ok: true });
  } catch (error) {
    const detail = wrongBody(error);
    if (detail === null) throw error;
    response.status(400).json({ error: 'invalid', detail });
  }
}

function wrongBody(error: unknown): string | null {
  if (error instanceof WorldError) return error.message;
  return error instanceof z.ZodError ? z.prettifyError(error) : null;
}

const loopbackOnly: RequestHandler = (request, response, next) => {
  const address = request.socket.remoteAddress ?? '';
  if (address === '::1' || /^(?:::ffff:)?127\./.test(address)) next();
  else response.status(403).json({ error: 'forbidden', detail: 'the control API answers on loopback only' });
};
