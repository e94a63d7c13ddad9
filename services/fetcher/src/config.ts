/** The fetcher's settings. */
import { DeadlineConfig, HubConfig, PreferencesConfig, retryShape, WorkerConfig } from '@quorum/shared/config';
import { reloads } from '@quorum/shared/settings';
import { z } from 'zod';

export const FetcherConfig = WorkerConfig.extend({
  ...HubConfig.shape,
  ...PreferencesConfig.shape,
  ...DeadlineConfig.shape,
  ...retryShape('run'),
  OPEN_RUNS_MAX: reloads(
    'job',
    z.coerce
      .number()
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('Runs that are open at one time, for all owners; those that were accepted later wait for their turn'),
  ),
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
