/**
 * Run before each test file of a mutant, behind what Stryker itself sets up. In a thread that has judged another mutant (warm-pool.ts)
 * that one would still be in force while modules load. Stryker puts the one to be judged in force when the tests begin; only one that
 * acts as modules load is so by now.
 */
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    globalNamespace: string | undefined;
    mutantActivation: 'static' | 'runtime' | undefined;
  }
}

const ofStryker: unknown = Reflect.get(globalThis, inject('globalNamespace') ?? '');

if (typeof ofStryker === 'object' && ofStryker !== null) {
  Reflect.set(ofStryker, 'hitCount', undefined);
  if (inject('mutantActivation') !== 'static') Reflect.set(ofStryker, 'activeMutant', undefined);
}
