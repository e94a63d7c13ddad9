/** One agent run over the gateway's HTTP API, as any client would do it: accept, poll, result. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentRunAccepted, AgentRunView, type AgentRunRequest } from '@quorum/shared/run';

const POLL_EVERY_MS = 150;
const RUN_WITHIN_MS = 3 * 60_000;
const CALL_WITHIN_MS = 5000;

export interface AgentRunClient {
  readonly gateway: string;
  /** Where anonymous requests are not allowed. */
  readonly apiKey?: string;
  /** Told of every change. */
  readonly onProgress: (view: AgentRunView) => void;
  readonly signal: AbortSignal;
}

/** The gateway refused, or the run did not end in time. */
export class AgentRunError extends Error {
  override readonly name = 'AgentRunError';
}

/** Starts a run and waits for its end, at most three minutes. A gateway that is away meanwhile is asked again. */
export async function agentRun(request: AgentRunRequest, client: AgentRunClient): Promise<AgentRunView> {
  const headers = client.apiKey === undefined ? {} : { authorization: `Bearer ${client.apiKey}` };
  const deadline = AbortSignal.timeout(RUN_WITHIN_MS);
  const signal = AbortSignal.any([client.signal, deadline]);
  const call = (url: URL, init: RequestInit = {}): Promise<Response> =>
    fetch(url, { ...init, signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_WITHIN_MS)]) });

  const response = await call(new URL('/agent-run', client.gateway), {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  if (!response.ok) throw new AgentRunError(`POST /agent-run: ${response.status} ${await response.text()}`);
  const accepted = AgentRunAccepted.parse(await response.json());
  const status = new URL(accepted.status_url, client.gateway);

  let before = '';
  while (!deadline.aborted) {
    client.signal.throwIfAborted();
    const answer = await call(status, { headers }).catch(() => undefined);
    if (answer?.ok === true) {
      const view = AgentRunView.parse(await answer.json());
      const now = JSON.stringify([view.status, view.proposals]);
      if (now !== before) client.onProgress(view);
      before = now;
      if (view.result !== null) return view;
    }
    await sleep(POLL_EVERY_MS);
  }
  throw new AgentRunError(`The run ${accepted.run_id} did not end within ${RUN_WITHIN_MS / 60_000} minutes.`);
}

/** Whether a run did what it was for: it completed, and no decision of it failed. */
export function succeeded({ status, result }: AgentRunView): boolean {
  return (
    status === 'completed' && result !== null && !result.decisions.some(({ outcome }) => outcome.kind === 'failed')
  );
}
