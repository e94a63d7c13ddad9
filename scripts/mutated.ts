/**
 * The modules whose tests are tested: each is changed in many small ways (a mutant: another operator, a branch never taken, a text
 * left out), and the tests named here must notice. They are the pure ones between a decision and a vote that stands for ever; what
 * needs Redis or a server is shown by killing it instead.
 */
export interface Mutated {
  readonly files: readonly string[];
  /** In the order in which they are run, until one fails: the quick ones first. */
  readonly tests: readonly string[];
}

export const MUTATED = {
  ballots: {
    files: ['packages/snapshot/src/ballot.ts', 'packages/snapshot/src/encode.ts', 'packages/snapshot/src/shares.ts'],
    tests: [
      'packages/snapshot/src/shares.test.ts',
      'packages/snapshot/src/ballot.test.ts',
      'packages/snapshot/src/encode.test.ts',
    ],
  },
  policy: {
    files: ['packages/shared/src/policy.ts', 'packages/shared/src/aggregate.ts'],
    tests: ['packages/shared/src/policy.test.ts', 'packages/shared/src/aggregate.test.ts'],
  },
  guard: {
    files: ['services/voter/src/guard.ts'],
    tests: ['services/voter/src/guard.test.ts', 'services/voter/src/guard-fields.test.ts'],
  },
  filter: {
    files: ['services/fetcher/src/filter.ts'],
    tests: ['services/fetcher/src/filter.test.ts'],
  },
  audit: {
    files: [
      'packages/shared/src/audit-links.ts',
      'packages/shared/src/audit-verify.ts',
      'packages/shared/src/audit-votes.ts',
    ],
    tests: [
      'packages/shared/src/audit-links.test.ts',
      'packages/shared/src/audit-votes.test.ts',
      'packages/shared/src/audit-restored.test.ts',
      'packages/shared/src/audit-verify.test.ts',
    ],
  },
} as const satisfies Record<string, Mutated>;

/** The modules of these names, separated by commas; all of them where none is named. Throws where there is no such module. */
export function mutatedModules(names: string): [string, Mutated][] {
  const all = Object.entries<Mutated>(MUTATED);
  if (names === '') return all;
  return names.split(',').map((wanted) => {
    const found = all.find(([name]) => name === wanted);
    if (found === undefined) throw new Error(`There is no module "${wanted}": ${Object.keys(MUTATED).join(', ')}.`);
    return found;
  });
}
