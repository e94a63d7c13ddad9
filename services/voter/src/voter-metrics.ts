/** What only the voter service measures: how long its aliases are good for, and its audit chains. */
import type { AuditChain } from '@quorum/shared/audit-chain';
import type { OwnerId } from '@quorum/shared/ids';
import { askedOnce, measure } from '@quorum/shared/measure';
import type { Metrics } from '@quorum/shared/metrics';
import type { Records } from '@quorum/shared/records';
import type { Licence } from './signers.ts';

const SECOND_MS = 1_000;

export type VoterMetricsDeps = {
  readonly metrics: Pick<Metrics, 'registry'>;
  readonly licences: ReadonlyMap<OwnerId, Licence>;
  readonly records: Pick<Records, 'signer'>;
  readonly auditChain: Pick<AuditChain, 'look'>;
  /** Unix milliseconds. */
  readonly now: () => number;
};

/** Registers the gauges. They are read from Redis when somebody asks; each of several voter services says the same. */
export function measureVoter(deps: VoterMetricsDeps): void {
  const aliases = askedOnce(() => aliasEnds(deps));
  const chains = askedOnce(() => lookAtChains(deps));
  const sinceS = (atMs: number): number => Math.max(0, deps.now() - atMs) / SECOND_MS;
  const { registry } = deps.metrics;

  measure(
    registry,
    'quorum_alias_time_left_seconds',
    'Time until the first alias of an owner ends; none where no end is known, or every owner signs with their own key',
    async () => {
      const endS = (await aliases())?.soonestS ?? null;
      return endS === null ? null : endS - deps.now() / SECOND_MS;
    },
  );
  measure(
    registry,
    'quorum_aliases_unknown',
    'Aliases whose end is not known: Snapshot did not say yet, or knows no such alias',
    async () => {
      return (await aliases())?.unknown;
    },
  );
  measure(
    registry,
    'quorum_audit_records',
    'Records in the audit chains of all voters',
    async () => (await chains())?.records,
  );
  measure(registry, 'quorum_audit_unsealed_entries', 'Entries that wait to be sealed into a chain', async () => {
    return (await chains())?.unsealed;
  });
  measure(
    registry,
    'quorum_audit_oldest_unsealed_seconds',
    'Time since the oldest entry that waits to be sealed was written; 0 where none waits',
    async () => {
      const look = await chains();
      return look?.oldestUnsealedMs === null ? 0 : look && sinceS(look.oldestUnsealedMs);
    },
  );
  measure(
    registry,
    'quorum_audit_seal_age_seconds',
    'Time since a record was last sealed; none where there is no record',
    async () => {
      const sealedAtMs = (await chains())?.sealedAtMs ?? null;
      return sealedAtMs === null ? null : sinceS(sealedAtMs);
    },
  );
}

async function aliasEnds({ licences, records }: VoterMetricsDeps) {
  const owners = [...licences.values()].flatMap(({ kind, owner }) => (kind === 'alias' ? [owner] : []));
  const signers = await Promise.all(owners.map((owner) => records.signer(owner)));
  const ends = signers.flatMap((signer) => (signer?.kind === 'alias' ? (signer.alias_expires_at ?? []) : []));
  return { soonestS: ends.length === 0 ? null : Math.min(...ends), unknown: owners.length - ends.length };
}

async function lookAtChains({ licences, auditChain }: VoterMetricsDeps) {
  const voters = new Set([...licences.values()].map(({ voter }) => voter));
  const looks = await Promise.all([...voters].map((voter) => auditChain.look(voter)));
  const sealed = looks.flatMap(({ sealedAtMs }) => sealedAtMs ?? []);
  const waiting = looks.flatMap(({ oldestUnsealedMs }) => oldestUnsealedMs ?? []);
  return {
    records: looks.reduce((sum, { records }) => sum + records, 0),
    unsealed: looks.reduce((sum, { unsealed }) => sum + unsealed, 0),
    sealedAtMs: sealed.length === 0 ? null : Math.max(...sealed),
    oldestUnsealedMs: waiting.length === 0 ? null : Math.min(...waiting),
  };
}
