/** What a run is doing, as it is seen from its record: a line for each proposal that is done, and one that changes. */
import type { AgentRunView } from '@quorum/shared/run';
import { printable } from '@quorum/snapshot/printable';
import type { Terminal } from './terminal.ts';
import { cut } from './text-width.ts';

const TITLE_WIDTH = 60;

/** Makes the listener for `agentRun`. */
export function runProgress(terminal: Terminal): (view: AgentRunView) => void {
  const told = new Set<string>();
  return (view) => {
    for (const { proposal_id, title, outcome } of view.proposals) {
      if (outcome === null || told.has(proposal_id)) continue;
      told.add(proposal_id);
      terminal.say(`  ${cut(printable(title), TITLE_WIDTH)}: ${outcome.kind}`);
    }
    if (view.result === null) terminal.status(`  ${view.space_id}: ${summary(view)} …`);
  };
}

function summary({ status, proposals }: AgentRunView): string {
  if (proposals.length === 0) return status === 'queued' ? 'queued' : 'reading the proposals';
  const steps = (['deciding', 'voting', 'done'] as const).map((step) => {
    const count = proposals.filter((proposal) => proposal.step === step).length;
    return count === 0 ? [] : [`${count} ${step}`];
  });
  return steps.flat().join(', ');
}
