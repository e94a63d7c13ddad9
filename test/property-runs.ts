/** How many cases of a property are drawn: a tenth where `npm run test:mutation` runs it, once for each of hundreds of mistakes. */
const SHARE = process.env['TEST_SET'] === 'mutation' ? 0.1 : 1;

/** For fast-check's `numRuns`. At least one. */
export const runs = (count: number): number => Math.ceil(count * SHARE);
