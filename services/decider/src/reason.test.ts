import type { Ballot } from '@quorum/snapshot/ballot';
import { expect, test } from 'vitest';
import { publicReason } from './reason.ts';

const FOR: Ballot = { kind: 'single', choice: { index: 1, label: 'For' } };

test.each(['template', 'full'] as const)('%s: says that an AI agent voted for its owner, and what', (publish) => {
  expect(publicReason(FOR, publish, '')).toMatch(/AI agent for its owner.*: For$/);
});

test.each([
  ['the owner wants none', FOR, 'none', ''],
  ['the vote is secret', FOR, 'template', 'shutter'],
  ['there is no ballot', null, 'template', ''],
] as const)('is empty where %s', (_why, ballot, publish, privacy) => {
  expect(publicReason(ballot, publish, privacy)).toBe('');
});

test('a long ranking is cut', () => {
  const ranking = Array.from({ length: 50 }, (_, at) => ({ index: at + 1, label: `Choice number ${at}` }));
  expect(publicReason({ kind: 'ranking', ranking }, 'template', '').length).toBeLessThan(420);
});
