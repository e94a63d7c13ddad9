/** What the sandbox's own tests speak HTTP with. */
import { z } from 'zod';

export type Said = { readonly status: number; readonly type: string; readonly body: unknown };

/** Sends JSON and reads JSON; what is no JSON comes back as text. */
export async function call(method: string, url: string, body?: unknown): Promise<Said> {
  const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
  const response = await fetch(url, { method, headers: { 'content-type': 'application/json' }, ...sent });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  const parsed: unknown = type.includes('json') ? JSON.parse(text) : text;
  return { status: response.status, type, body: parsed };
}

const Answer = z.object({ data: z.record(z.string(), z.unknown()) });

/** The `data` of a query that must succeed. */
export async function ask(
  url: string,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Record<string, unknown>> {
  return Answer.parse((await call('POST', `${url}/graphql`, { query, variables })).body).data;
}
