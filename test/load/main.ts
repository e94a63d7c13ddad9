/**
 * `npm run test:load`: ten waves of 1,000 dry runs and 50 live ones. Prints its figures as a table, and ends with 1 where one of
 * them is over its budget.
 *
 *     npm run test:load -- --waves 2 --owners 5 --spaces 4 --live 5 --latency 3 --out FILE
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { figuresOf, tableOf } from './figures.ts';
import { runLoad } from './load.ts';

const count = (fallback: string) => ({ type: 'string', default: fallback }) as const;
const { values } = parseArgs({
  options: {
    waves: count('10'),
    owners: count('50'),
    spaces: count('20'),
    live: count('50'),
    latency: count('3'),
    out: { type: 'string' },
  },
});
const Count = z.coerce.number().int().min(1).max(1_000);
const asked = z
  .object({
    waves: Count,
    owners: Count,
    spaces: Count,
    live: z.coerce.number().int().min(0).max(1_000),
    latency: z.coerce.number().min(0).max(60),
  })
  .parse(values);

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const load = await runLoad({ ...asked, modelLatencyMs: asked.latency * 1_000, say });
const figures = figuresOf(load);
const table = tableOf(load, figures);
process.stdout.write(table);
if (values.out !== undefined) await writeFile(values.out, table);
if (figures.some(({ ok }) => !ok)) process.exitCode = 1;
