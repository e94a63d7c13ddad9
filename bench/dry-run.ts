/** A dry run on a stack, and a client that waits for its end as the API lets it: the same request again, however long it takes. */
import { AgentRunView, type AgentRunResponse } from '@quorum/shared/run';

const WAIT_S = 30;

/** Throws where it did not decide as many proposals as it was to. */
export async function dryRun(url: string, space: string, proposals: number): Promise<AgentRunResponse> {
  for (;;) {
    const response = await fetch(`${url}/agent-run`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: `wait=${WAIT_S}`, 'idempotency-key': space },
      body: JSON.stringify({ space_id: space, dry_run: true }),
    });
    const body = await response.text();
    if (response.status === 202) continue;
    if (response.status !== 200) throw new Error(`POST /agent-run: ${response.status} ${body}`);
    const { result } = AgentRunView.parse(JSON.parse(body));
    if (result?.decisions.length !== proposals)
      throw new Error(`a run in ${space} decided ${result?.decisions.length ?? 0} proposals, not ${proposals}`);
    return result;
  }
}
