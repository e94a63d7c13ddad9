/** Some of the fields of a run, for who needs no more: the rest is neither sent nor parsed. */
import type { ProposalId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { RunId } from './ids.ts';
import { unpackFields } from './packed-run.ts';
import { fields, keys } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';

type Fields = Readonly<Record<string, string>>;

/** What a service keeps for a run: settings by name, and as text. */
export type Keeps = { readonly service: string; readonly settings: Readonly<Record<string, string>> };

const Values = z.array(z.string().nullable()).nullable();

/** Functions that read fields of a run as they stand at one moment. */
export function createRunFields(redis: Redis) {
  const toDecide = loadScript('fields-to-decide');

  async function read(runId: RunId, names: readonly string[]): Promise<Fields> {
    const asked = [...names, 'packed'];
    const found = present(asked, await redis.hmgetBuffer(keys.run(runId), ...asked));
    // What is packed holds the other proposals too.
    const all = Object.entries(await unpackFields(found));
    return Object.fromEntries(all.filter(([name]) => names.includes(name)));
  }

  return {
    forVote(runId: RunId, proposal: ProposalId): Promise<Fields> {
      const ofProposal = [`decision:${proposal}`, `outcome:${proposal}`];
      return read(runId, ['request', 'state', 'cancelled', 'opening', fields.settings('voter'), ...ofProposal]);
    },

    async forDecision(runId: RunId, proposal: ProposalId, { service, settings }: Keeps): Promise<Fields> {
      const [pinned, decision] = [fields.settings(service), `decision:${proposal}`];
      const ofProposal = [decision, fields.spent(proposal)];
      const names = ['request', 'state', 'started_at', 'cancelled', 'opening', pinned, ...ofProposal];
      const args = [pinned, JSON.stringify(settings), decision, ...names];
      const values = Values.parse(await runScript(redis, toDecide, [keys.run(runId)], args));
      return values === null ? read(runId, names) : present(names, values);
    },
  };
}

function present<T>(names: readonly string[], values: readonly (T | null)[]): Record<string, T> {
  const found = names.flatMap((name, at): [string, T][] => {
    const value = values[at];
    return value === null || value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(found);
}
