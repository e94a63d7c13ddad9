/** The voter service's settings. */
import { DeadlineConfig, HubConfig, PreferencesConfig, WorkerConfig } from '@quorum/shared/config';
import { managed, reloads } from '@quorum/shared/settings';
import { z } from 'zod';
import { SignersConfig } from './signers-config.ts';

const DAY_S = 24 * 60 * 60;

export const VoterConfig = WorkerConfig.extend({
  ...HubConfig.shape,
  ...PreferencesConfig.shape,
  ...SignersConfig.shape,
  ...DeadlineConfig.shape,
  SNAPSHOT_SEQUENCER_URL: z.url().describe("Address of Snapshot's sequencer, which takes signed votes"),
  DECIDER_MAC_KEY_FILE: managed(z.string().describe('Key by which decisions are known to come from the decider')),
  VOTER_MAC_KEY_FILE: managed(z.string().describe('Key by which our own intents and votes are known again')),
  ALLOW_LOSSY_REDIS: z
    .stringbool()
    .default(false)
    .describe('Vote on a live Snapshot although Redis may lose acknowledged writes or may evict keys'),
  VOTE_EXECUTION_TIMEOUT: reloads(
    'run',
    z.coerce.number().positive().max(600).default(60).describe('Seconds that one try at sending a vote may take'),
  ),
  VOTE_RETRY_WINDOW_S: reloads(
    'run',
    z.coerce
      .number()
      .positive()
      .default(900)
      .describe('Seconds after the first try in which a vote is tried again; never past its deadline'),
  ),
  VOTE_BACKDATE_S: z.coerce
    .number()
    .int()
    .min(0)
    .max(5 * DAY_S)
    .default(DAY_S)
    .describe('How far a first vote is dated back, in seconds, so that any vote of the owner is later and wins'),
  ALIAS_VALID_DAYS: z.coerce.number().positive().default(30).describe('Days for which Snapshot lets an alias vote'),
});
