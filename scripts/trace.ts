/**
 * `npm run trace -- RUN_ID`: where the time of a run went, as a waterfall with its critical path. It asks the gateway, as any client
 * would, and changes nothing.
 *
 *     npm run trace -- RUN_ID                     in columns, as wide as the terminal
 *     npm run -s trace -- RUN_ID --json           one line of JSON: the spans, and what they add up to
 *     npm run trace -- RUN_ID --url http://127.0.0.1:3001 --key-file FILE
 *
 * In compose: docker compose exec gateway node scripts/trace.ts RUN_ID
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { RunId } from '@quorum/shared/ids';
import { RunTimings } from '@quorum/shared/run-timings';
import { readSecretFile } from '@quorum/shared/secret-file';
import { printable } from '@quorum/snapshot/printable';
import { gatewayUrlOf } from './gateway-url.ts';
import { OperatorError, readOperator, runCommand, type Operator } from './operator.ts';
import { pathOf } from './root.ts';
import { SECRETS } from './secrets.ts';
import { parseUsage, wrongUsage } from './subcommand.ts';
import { coloured } from './terminal.ts';
import { criticalSpans } from './trace/critical-path.ts';
import { figuresOf } from './trace/figures.ts';
import { printTrace } from './trace/print-trace.ts';

const USAGE = 'npm run trace -- RUN_ID [--json] [--url URL] [--key-file FILE]';
const WITHIN_MS = 10_000;

await runCommand(async (args) => {
  const options = {
    json: { type: 'boolean', default: false },
    url: { type: 'string' },
    'key-file': { type: 'string' },
  } as const;
  const { values, positionals } = parseUsage(USAGE, args, { options, allowPositionals: true });
  const [given, ...more] = positionals;
  const runId = RunId.safeParse(given);
  if (!runId.success || more.length > 0)
    throw wrongUsage(USAGE, 'Which run? Its id is in the answer of POST /agent-run.');
  const operator = readOperator();
  const timings = await readTimings(runId.data, {
    url: values.url ?? (await gatewayUrlOf(operator)),
    key: keyOf(operator, values['key-file']),
  });
  process.stdout.write(values.json ? `${JSON.stringify(forMachines(timings))}\n` : `${textOf(timings).join('\n')}\n`);
});

/** The key of a file, or that of the first admin; none where there is none, as with a Quorum that lets in anybody. */
function keyOf({ secrets }: Operator, given: string | undefined): string | null {
  if (given !== undefined) return readSecretFile(pathOf(given));
  const file = path.join(secrets, SECRETS.apiKey);
  return existsSync(file) ? readSecretFile(file) : null;
}

async function readTimings(
  runId: RunId,
  { url, key }: { readonly url: string; readonly key: string | null },
): Promise<RunTimings> {
  if (!URL.canParse(url)) throw wrongUsage(USAGE, '--url must be that of the gateway, such as http://127.0.0.1:3000.');
  const asked = await fetch(new URL(`/agent-run/${runId}/timings`, url), {
    headers: key === null ? {} : { authorization: `Bearer ${key}` },
    // A redirect would carry the key to somewhere that nobody named.
    redirect: 'error',
    signal: AbortSignal.timeout(WITHIN_MS),
  }).catch(() => {
    throw new OperatorError(
      `No gateway answers at ${printable(url)}.\n→ Start it (npm start), or say where it is: --url URL`,
    );
  });
  if (asked.ok) return RunTimings.parse(await asked.json());
  switch (asked.status) {
    case 404:
      throw new OperatorError(
        `There is no run ${runId}: not here, not of this key's owner, or it ended more than 30 days ago.`,
      );
    case 401:
      throw new OperatorError(
        'The gateway does not take this key.\n→ Name the file of one that it takes: --key-file FILE',
      );
    default:
      throw new OperatorError(`The gateway answered ${asked.status}.\n→ npm run doctor`);
  }
}

/** The path as positions among the spans, from 0. */
function forMachines(timings: RunTimings): object {
  const critical = criticalSpans(timings);
  const inOrder = [...critical].toSorted((a, b) => a.begin - b.begin);
  return { ...timings, critical_path: inOrder.map((span) => timings.spans.indexOf(span)), ...figuresOf(timings) };
}

function textOf(timings: RunTimings): string[] {
  const { stdout } = process;
  return printTrace(timings, { colour: coloured(stdout), columns: stdout.columns });
}
