/** What the doctor looks at: the settings as `npm start` or compose hand them to the services. */
import { parseConfig } from '@quorum/shared/config';
import { ValidationError } from '@quorum/shared/errors';
import { DeciderConfig } from '@quorum/decider/config';
import { FetcherConfig } from '@quorum/fetcher/config';
import { GatewayConfig } from '@quorum/gateway/config';
import { VoterConfig } from '@quorum/voter/config';
import type { z } from 'zod';
import { ROOT } from '../root.ts';
import { operatorOf, type Operator } from '../operator.ts';
import { sandboxUrlOf } from '../operator-signers.ts';
import { serviceEnv, upstreamsOf, type ServiceName, type Upstreams } from '../services.ts';
import { readSettings } from '../start-settings.ts';
import { broken, fine, type Finding } from './finding.ts';

export interface Patient {
  readonly operator: Operator;
  /** Whether a vote would be a real one. */
  readonly live: boolean;
  readonly upstreams: Upstreams;
  /** What cannot be parsed is null, and one of the findings. */
  readonly voter: z.infer<typeof VoterConfig> | null;
  readonly decider: z.infer<typeof DeciderConfig> | null;
}

/** Reads the settings. Throws a `SettingsError` where they contradict each other. */
export async function readPatient(env: NodeJS.ProcessEnv): Promise<{ patient: Patient; findings: readonly Finding[] }> {
  const operator = operatorOf(env);
  const { secrets, settings: common } = operator;
  const settings = readSettings(env, common.folders.data);
  const isComposed = Boolean(env['QUORUM_SECRETS_DIR']);
  const upstreams = upstreamsOf(settings, await sandboxUrlOf(operator));
  const around = {
    root: ROOT,
    settings: { ...settings, folders: { ...settings.folders, secrets } },
    sources: { env, file: {}, path: null },
    redisUrl: settings.redisUrl ?? 'redis://127.0.0.1',
    upstreams,
  };
  const findings: Finding[] = [];
  const parsed = <T>(name: ServiceName, parse: (given: NodeJS.ProcessEnv) => T): T | null => {
    const anonymous = isComposed ? { ALLOW_ANONYMOUS: env['ALLOW_ANONYMOUS'] } : {};
    try {
      return parse({ ...serviceEnv(name, around), ...anonymous });
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      const issues = error.issues.map((issue) => `${issue.path}: ${issue.message}`);
      findings.push(broken('settings', `The ${name} cannot start. ${issues.join('; ')}`, 'Mend them in .env.'));
      return null;
    }
  };
  parsed('gateway', (given) => parseConfig(GatewayConfig, given));
  parsed('fetcher', (given) => parseConfig(FetcherConfig, given));
  const decider = parsed('decider', (given) => parseConfig(DeciderConfig, given));
  const voter = parsed('voter', (given) => parseConfig(VoterConfig, given));
  if (findings.length === 0) findings.push(fine('settings', 'every service can read its settings'));
  return { patient: { operator, live: operator.live, upstreams, voter, decider }, findings };
}
