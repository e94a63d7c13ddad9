/**
 * `npm run status`: what Quorum does just now, for people. It reads Redis alone, changes nothing, and works while the services are
 * down.
 *
 *     npm run status                    in a terminal, refreshed every two seconds until Ctrl-C; elsewhere once
 *     npm run status -- --once          prints and ends
 *     npm run -s status -- --json       one line of JSON, and ends
 *
 * In compose: docker compose exec gateway node scripts/status.ts
 */
import { setTimeout as pause } from 'node:timers/promises';
import { printable } from '@quorum/snapshot/printable';
import { readOperator, runCommand, withRedis, type Operator } from './operator.ts';
import { printStatus } from './status/print-status.ts';
import { readStatus, type Status } from './status/read-status.ts';
import { onStopSignal } from './stop-signal.ts';
import { parseUsage } from './subcommand.ts';
import { coloured } from './terminal.ts';

const REFRESH_MS = 2_000;
const TOP = '\u001b[H';
const TO_END_OF_LINE = '\u001b[K';
const TO_END_OF_SCREEN = '\u001b[J';
const CLEAR = '\u001b[2J';

await runCommand(async (args) => {
  const options = { once: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } } as const;
  const { values } = parseUsage('npm run status -- [--once] [--json]', args, { options });
  const operator = readOperator();
  // A Redis that is away ends the command here; later it is waited for.
  const first = await readOnce(operator);
  if (values.json) process.stdout.write(`${JSON.stringify(first)}\n`);
  else if (values.once || !process.stdout.isTTY) process.stdout.write(`${textOf(first).join('\n')}\n`);
  else await refresh(operator, textOf(first));
});

/** On a connection of its own each time: Redis may have been restarted, on another port. */
function readOnce(operator: Operator): Promise<Status> {
  return withRedis(operator, (redis) => readStatus(redis, Date.now()));
}

function textOf(status: Status): string[] {
  const { stdout } = process;
  return printStatus(status, { colour: coloured(stdout), columns: stdout.columns });
}

/** Redraws in place until it is told to stop. */
async function refresh(operator: Operator, first: readonly string[]): Promise<void> {
  const stop = onStopSignal({ first: () => undefined, second: () => process.exit(1) });
  process.stdout.write(CLEAR);
  draw(first);
  while (!stop.signal.aborted) {
    await pause(REFRESH_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    if (!stop.signal.aborted) draw(await readOnce(operator).then(textOf, wordsOf));
  }
  stop.close();
}

function wordsOf(error: unknown): string[] {
  const lines = `✗ ${error instanceof Error ? error.message : String(error)}`.split('\n');
  return ['Quorum', '', ...lines.map((line) => printable(line)), '', 'Trying again …'];
}

/** What does not fit on the screen is left out: a screen that scrolls cannot be drawn in place. */
function draw(lines: readonly string[]): void {
  const seen = lines.slice(0, Math.max(1, process.stdout.rows - 1));
  process.stdout.write(`${TOP}${seen.map((line) => `${line}${TO_END_OF_LINE}\n`).join('')}${TO_END_OF_SCREEN}`);
}
