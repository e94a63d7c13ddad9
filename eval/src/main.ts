/** `npm run eval`: runs the evaluation and says what came of it. Ends with 0 whatever the figures are: it measures, and judges nothing. */
import { writeFile } from 'node:fs/promises';
import { loadCorpus } from './corpus.ts';
import { evaluate } from './evaluate.ts';
import { readOptions, USAGE, UsageError } from './options.ts';
import { reliabilitySvg } from './reliability-svg.ts';
import { forPeople } from './table.ts';

const stop = new AbortController();

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  const say = (line: string): void => void process.stderr.write(`… ${line}\n`);
  const { line, panels } = await evaluate(options, { corpus: await loadCorpus(), say }, stop.signal);
  if (options.svg !== undefined) await writeFile(options.svg, reliabilitySvg(panels));
  (options.json ? process.stderr : process.stdout).write(forPeople(line));
  if (options.json) process.stdout.write(`${JSON.stringify(line)}\n`);
}

try {
  await main();
} catch (error) {
  if (stop.signal.aborted) {
    // As a shell counts it: it was told to stop.
    process.exitCode = 130;
  } else if (error instanceof UsageError) {
    process.stderr.write(`eval: ${error.message}\n${USAGE}\n`);
    process.exitCode = 2;
  } else {
    throw error;
  }
}
