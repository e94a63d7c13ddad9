/** The fetcher's settings. */
import { HubConfig, PreferencesConfig, WorkerConfig } from '@quorum/shared/config';
import { z } from 'zod';

export const FetcherConfig = WorkerConfig.extend({
  ...HubConfig.shape,
  ...PreferencesConfig.shape,
  MIN_TIME_TO_VOTE_S: z.coerce
    .number()
    .int()
    .min(0)
    .default(120)
    .describe('A proposal that closes in less than this many seconds is not started'),
  DEADLINE_LEAD_S: z.coerce
    .number()
    .int()
    .min(0)
    .default(3_600)
    .describe(
      'What still needs a run is to get one this many seconds before its end, or at half the time left if that is sooner',
    ),
});
export type FetcherConfig = z.infer<typeof FetcherConfig>;
