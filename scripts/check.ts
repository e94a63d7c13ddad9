/** `npm run check`: the static gates alone. Exit code 1 if one does not hold. */
import { describeGates, runGates } from './gates.ts';

const results = await runGates();
process.stdout.write(`${describeGates(results)}\n`);
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
