/** What the opening of a run is tested on: a Redis, a sandbox whose clock stands still, and preference files, all real. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSandbox, type Sandbox } from '@quorum/sandbox/start-sandbox';
import type { World } from '@quorum/sandbox/world';
import { createHubCache, type HubCache } from '@quorum/shared/hub-cache';
import { newRunId, upstreamId, type OwnerId } from '@quorum/shared/ids';
import type { PreferenceStore } from '@quorum/shared/preference-store';
import { recordedVersions } from '@quorum/shared/recorded-versions';
import type { LedgerEntry } from '@quorum/shared/ledger-entry';
import { createRecords, type Opening, type Records, type RunRecord } from '@quorum/shared/records';
import { PREFERENCES_FILE } from '@quorum/shared/owner-folder';
import { keys } from '@quorum/shared/redis-keys';
import { filePreferenceStore } from '@quorum/shared/store-file';
import { createHub, type Hub } from '@quorum/snapshot/hub';
import type { Address, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { z } from 'zod';
import { anAddress, anOwner, aSpace, quiet } from '../../../packages/shared/test/samples.ts';
import { useRedis } from '../../../packages/shared/test/world.ts';
import { Listing } from '../src/listing.ts';
import { openRun, type OpenDeps } from '../src/open.ts';
import { control } from './control.ts';
import { aRun, NOW_MS, NOW_S, type WorldProposal } from './samples.ts';
import { PATIENT } from '../../../test/patience.ts';

/** Nothing of what is noted has closed. */
export const OPEN_ENDED = { ends: new Map<ProposalId, number>(), nowMs: NOW_MS };

export type Asker = { readonly owner: OwnerId; readonly voter: Address; readonly space: SpaceId };

export type OpeningStand = {
  readonly records: Records;
  readonly hub: Hub;
  /** A cache that nobody else shares. */
  freshCache(): HubCache<Listing>;
  readonly preferences: PreferenceStore;
  /** An owner with a signer in a space of their own, in which these proposals are open. */
  ask(proposals: (space: SpaceId) => WorldProposal[], given?: Partial<World>): Promise<Asker>;
  add(world: World): Promise<void>;
  fault(fault: Record<string, unknown>): Promise<void>;
  /** Writes a ledger entry of this asker. */
  ledger(asker: Asker, proposal: ProposalId, entry: Partial<Record<keyof LedgerEntry, string>>): Promise<void>;
  writePreferences(owner: OwnerId, content: unknown): Promise<void>;
  removePreferences(owner: OwnerId): Promise<void>;
  open(asker: Asker, given?: { dryRun?: boolean; hub?: Hub; deps?: Partial<OpenDeps> }): Promise<Opening>;
  run(asker: Asker, dryRun?: boolean): RunRecord;
  /** The ids of the proposals whose power this voter was asked for, in order of arrival. */
  powersAsked(voter: Address): string[];
  /** The bodies that the hub was asked with so far. */
  asked(): string[];
};

/** Starts everything before the tests of this file; each asker has a space, an owner and a voter of their own. */
export function useOpening(): () => OpeningStand {
  const { redis } = useRedis();
  let sandbox: Sandbox | undefined;
  let dir = '';
  let stand: OpeningStand | undefined;
  beforeAll(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'quorum-fetcher-'));
    sandbox = await startSandbox({ world: { now: NOW_S } });
    stand = standOn(redis(), sandbox, dir);
  });
  afterEach(async () => {
    if (sandbox !== undefined) await control(sandbox, 'DELETE', 'faults');
  });
  afterAll(async () => {
    await sandbox?.close();
    await rm(dir, { recursive: true, force: true });
  });
  return () => {
    if (stand === undefined) throw new Error('the stand of this file is not up yet');
    return stand;
  };
}

let spaces = 0;
let caches = 0;

function standOn(redis: Redis, sandbox: Sandbox, dir: string): OpeningStand {
  const records = createRecords(redis);
  const hub = createHub({ url: `${sandbox.url}/graphql`, timeoutMs: PATIENT.timeout });
  const preferences = filePreferenceStore({
    dir,
    defaults: () => ({ confidence_threshold: 0.7, max_proposals_per_run: 3 }),
    recorded: recordedVersions(redis),
  });
  // Each opening here sees the world as it is, unless a test gives it a cache to share.
  const freshCache = () => {
    caches += 1;
    return createHubCache({ redis, upstream: upstreamId(sandbox.url, `${caches}`), schema: Listing, log: quiet });
  };
  const run = ({ owner, space }: Asker, dryRun = false): RunRecord => aRun(newRunId(), { owner, space, dryRun });
  const add = (world: World): Promise<void> => control(sandbox, 'PATCH', 'world', world);
  return {
    records,
    hub,
    freshCache,
    preferences,
    run,
    add,
    async ledger({ voter, space }, proposal, entry) {
      const whole = { state: 'cast', run_id: newRunId(), intent: '{}', created: '1', reserved_at: '1', ...entry };
      await redis.hset(keys.ledger(voter, space, proposal), whole);
    },
    fault: (fault) => control(sandbox, 'POST', 'faults', fault),
    async ask(proposals, given = {}) {
      spaces += 1;
      const asker = { owner: anOwner(), voter: anAddress(), space: aSpace(`s${spaces}.eth`) };
      const { space } = asker;
      const power = given.voting_power ?? [{ space, default: true, vp: 10 }];
      await add({ spaces: [{ id: space }], ...given, proposals: proposals(space), voting_power: power });
      await records.announceSigner(asker.owner, { voter: asker.voter, kind: 'own_key', allowed_spaces: [space] });
      return asker;
    },
    async writePreferences(owner, content) {
      await mkdir(path.join(dir, owner), { recursive: true });
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      await writeFile(path.join(dir, owner, PREFERENCES_FILE), text);
    },
    removePreferences: (owner) => rm(path.join(dir, owner), { recursive: true }),
    open(asker, { dryRun = false, hub: other = hub, deps = {} } = {}) {
      const own = {
        hub: other,
        cache: freshCache(),
        records,
        preferences,
        log: quiet,
        minTimeToVoteS: 120,
      };
      const all = { ...own, now: () => NOW_MS, ...deps };
      return openRun(run(asker, dryRun), all, AbortSignal.timeout(15_000));
    },
    powersAsked: (voter) =>
      sandbox.world.received.flatMap(({ body }) => {
        const asked = PowerQuery.safeParse(body);
        return asked.success && asked.data.variables.voter === voter ? [asked.data.variables.proposal] : [];
      }),
    asked: () => sandbox.world.received.map(({ body }) => JSON.stringify(body)),
  };
}

const PowerQuery = z.object({
  query: z.string().regex(/query VotingPower/),
  variables: z.object({ voter: z.string(), proposal: z.string() }),
});
