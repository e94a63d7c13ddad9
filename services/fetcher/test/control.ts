/** The sandbox's control API, as the tests speak to it. */
import type { Sandbox } from '@quorum/sandbox/start-sandbox';

/** Sends a command; throws with the sandbox's own words where it refuses. */
export async function control(sandbox: Sandbox, method: string, command: string, body?: unknown): Promise<void> {
  const response = await fetch(`${sandbox.url}/_sandbox/${command}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} /_sandbox/${command}: ${await response.text()}`);
}
