/** The voter service's settings. */
import { DeadlineConfig, HubConfig, PreferencesConfig, retryShape, WorkerConfig } from '@quorum/shared/config';
import { managed, reloads } from '@quorum/shared/settings';
import { EonPublicKey } from '@quorum/snapshot/shutter';
import { z } from 'zod';
import { SignersConfig } from './signers-config.ts';

const DAY_S = 24 * 60 * 60;

export const VoterConfig = WorkerConfig.extend({
  ...HubConfig.shape,
  ...PreferencesConfig.shape,
  ...SignersConfig.shape,
  ...DeadlineConfig.shape,
  ...retryShape('job'),
  SNAPSHOT_SEQUENCER_URL: z.url().describe("Address of Snapshot's sequencer, which takes signed votes"),
  DECIDER_MAC_KEY_FILE: managed(z.string().describe('Key by which decisions are known to come from the decider')),
  VOTER_MAC_KEY_FILE: managed(z.string().describe('Key by which our own intents and votes are known again')),
  HOLD_MAC_KEY_FILE: managed(z.string().describe('Key by which answers to holds are known to come from the gateway')),
  ALLOW_LOSSY_REDIS: z
    .stringbool()
    .default(false)
    .describe('Vote on a live Snapshot although Redis may lose acknowledged writes or may evict keys'),
  VOTE_EXECUTION_TIMEOUT: reloads(
    'run',
    // The job that sends it has five minutes, and asks before and reads back after.
    z.coerce.number().positive().max(240).default(60).describe('Seconds that one try at sending a vote may take'),
  ),
  VOTE_RETRY_WINDOW_S: reloads(
    'run',
    z.coerce
      .number()
      .positive()
      .default(900)
      .describe('Seconds after the first try in which a vote is tried again; never past its deadline'),
  ),
  SEQUENCER_SENDS_PER_MINUTE: reloads(
    'job',
    z.coerce
      .number()
      .int()
      .min(1)
      .max(10_000)
      .default(80)
      .describe(
        'Votes sent a minute at most, by all voter processes together; Snapshot takes 100 requests from one address',
      ),
  ),
  VOTE_BACKDATE_S: z.coerce
    .number()
    .int()
    .min(0)
    .max(5 * DAY_S)
    .default(DAY_S)
    .describe('How far a first vote is dated back, in seconds, so that any vote of the owner is later and wins'),
  SHUTTER_EON_PUBLIC_KEY: EonPublicKey.optional().describe(
    'Public key with which the choices of secret (Shutter) votes are encrypted: 0x and 256 hex digits. Without it none is cast',
  ),
  ALIAS_VALID_DAYS: z.coerce.number().positive().default(30).describe('Days for which Snapshot lets an alias vote'),
});
