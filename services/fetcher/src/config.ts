/** The fetcher's settings. */
import { DeadlineConfig, HubConfig, PreferencesConfig, retryShape, WorkerConfig } from '@quorum/shared/config';
import { reloads } from '@quorum/shared/settings';
import { z } from 'zod';

export const FetcherConfig = WorkerConfig.extend({
  ...HubConfig.shape,
  ...PreferencesConfig.shape,
  ...DeadlineConfig.shape,
  ...retryShape('run'),
  DEADLINE_LEAD_S: reloads(
    'run',
    z.coerce
      .number()
      .int()
      .min(0)
      .default(3_600)
      .describe(
        'What still needs a run is to get one this many seconds before its end, or at half the time left if that is sooner; twice MIN_TIME_TO_VOTE_S at least',
      ),
  ),
});
