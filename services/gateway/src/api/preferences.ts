/** The routes of preferences. */
import { UserPreferences } from '@quorum/shared/preferences';
import { z } from 'zod';
import { USUAL, type Route } from './route.ts';

const version = { ETag: 'The version of the preferences' } as const;

const common = { ...USUAL, path: '/user-preferences', group: 'Preferences' } as const;

const changes = {
  ...common,
  role: 'user',
  headers: z.object({
    'If-Match': z
      .string()
      .regex(/^(\*|"[\x21\x23-\x7e]*")$/, {
        error: 'must be one version in double quotes, as the ETag of GET /user-preferences has it',
      })
      .optional()
      .describe('Changes this version alone: the ETag that came with it'),
  }),
  // Instructions of 8,000 characters for the whole and for some spaces, and long lists of addresses.
  bodyKb: 256,
  bodyAs: 'bytes',
  answers: { 200: { description: 'The preferences as they are now.', body: UserPreferences, headers: version } },
} as const;

export const READ_PREFERENCES = {
  ...common,
  id: 'readPreferences',
  method: 'get',
  summary: 'Read your preferences',
  answers: { 200: { description: 'The preferences that count.', body: UserPreferences, headers: version } },
  problems: ['preferences-unusable'],
} as const satisfies Route;

export const PUT_PREFERENCES = {
  ...changes,
  id: 'putPreferences',
  method: 'put',
  summary: 'Replace your preferences',
  details: 'What is left out follows the defaults. An error names the line and the column.',
  body: UserPreferences,
  problems: ['version-changed', 'preferences'],
} as const satisfies Route;

export const PATCH_PREFERENCES = {
  ...changes,
  id: 'patchPreferences',
  method: 'patch',
  summary: 'Change some of your preferences',
  details: 'What is left out stays as it is. Each field is replaced as a whole.',
  body: UserPreferences.partial(),
  problems: ['version-changed', 'preferences-unusable', 'preferences'],
} as const satisfies Route;
