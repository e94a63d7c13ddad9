/** The sequencer's error shape. */
import { CORS, reply, type Reply } from '../http.ts';

export function clientError(status: number, description: string, headers: Record<string, string> = {}): Reply {
  return reply(status, { error: 'client_error', error_description: description }, { ...CORS, ...headers });
}

/** A server error's description can be an object: the error itself, as it was thrown. */
export function serverError(status: number, description: unknown): Reply {
  return reply(status, { error: 'server_error', error_description: description }, CORS);
}

/** The very answer by which the guard against doubles knows maintenance: a fault's 503 is not one, whatever it says. */
export const IN_MAINTENANCE: Reply = serverError(503, 'update in progress, try later');
