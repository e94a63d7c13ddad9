/**
 * `npm start`: Redis, the sandbox where no upstream is configured, the four services, one run of the demo space, its result;
 * then it serves until Ctrl-C and stops everything in order, Redis last.
 *
 *     npm start                       one run, then serve
 *     npm start -- --once             one run, then end; the exit code says whether it succeeded
 *     npm start -- --once --json      the result as one line of JSON, last on stdout
 *     npm start -- --verbose          with the services' whole logs
 *
 * Settings come from the environment, and from `.env` for what the environment leaves open. QUORUM_ENV_FILE names another
 * file (empty: none) and QUORUM_DATA_DIR another folder than `.data`: the end-to-end tests start it so.
 */
import path from 'node:path';
import type { AgentRunResponse } from '@quorum/shared/run';
import { readSecretFile } from '@quorum/shared/secret-file';
import { SpaceId } from '@quorum/snapshot/proposal';
import { agentRun, succeeded } from './agent-run.ts';
import { ChildFailed } from './child.ts';
import { forgetGateway } from './gateway-url.ts';
import { printRun } from './print-run.ts';
import { ROOT } from './root.ts';
import { runFiles, type RunFiles } from './run-files.ts';
import { runProgress } from './run-progress.ts';
import { SECRETS } from './secrets.ts';
import { logFormatter } from './service-log.ts';
import { allowsAnonymous, boardCall, exampleCall, type Upstreams } from './services.ts';
import { merged, readSources, tellOfChanges, unheardSettings } from './settings-file.ts';
import {
  DEMO_SPACE,
  isLiveRun,
  parseOptions,
  readSettings,
  SettingsError,
  type SettingSources,
  type StartOptions,
  type StartSettings,
} from './start-settings.ts';
import { startStack, type Started } from './stack.ts';
import { onStopSignal, type StopSignal } from './stop-signal.ts';
import { coloured, openTerminal, shortPath, type Terminal } from './terminal.ts';

async function main(): Promise<number> {
  const terminal = openTerminal({ out: process.stdout, err: process.stderr });
  let logs = path.join(ROOT, '.data/logs');
  try {
    const options = parseOptions(process.argv.slice(2));
    const sources = readSources(process.env, ROOT);
    const env = merged(sources);
    const settings = readSettings(env, path.resolve(ROOT, env['QUORUM_DATA_DIR'] || '.data'));
    logs = settings.folders.logs;
    if (options.once && isLiveRun(settings)) {
      throw new SettingsError('A live hub is configured, and with one no run is sent by itself: leave out --once.');
    }
    for (const warning of unheardSettings(sources.file)) terminal.say(`! ${warning}`);
    return await claimAndStart({ options, settings, sources, terminal });
  } catch (error) {
    tell(error, terminal, logs);
    return 1;
  }
}

interface Asked {
  readonly options: StartOptions;
  readonly settings: StartSettings;
  readonly sources: SettingSources;
  readonly terminal: Terminal;
}

async function claimAndStart(asked: Asked): Promise<number> {
  const { options, settings, terminal } = asked;
  const files = runFiles(settings.folders.run);
  const other = await files.claim();
  if (other !== undefined) {
    throw new SettingsError(
      `Quorum is running already (process ${other}).\n→ End it with Ctrl-C in its terminal, or: kill ${other}`,
    );
  }
  const started: Started[] = [];
  const stop = onStopSignal({
    first: () => terminal.say('Stopping; Ctrl-C again ends everything at once.'),
    second: () => {
      for (const { kill } of started) kill();
      process.exit(130);
    },
  });
  try {
    // Of a start that was killed.
    await forgetGateway(settings);
    for (const name of await files.endLeftOvers()) terminal.say(`  ended a ${name} that an earlier start left`);
    // Who presses Ctrl-C while it starts does not wait until it has.
    const aborted = stop.requested.then(() => Promise.reject(new Error('asked to stop')));
    aborted.catch(() => {});
    return await Promise.race([startAndServe({ ...asked, files, started, stop }), aborted]);
  } catch (error) {
    // Asked to stop while starting: what was cut short is no failure.
    if (stop.signal.aborted && !stop.failure()) return options.once ? 130 : 0;
    throw stop.failure() ?? error;
  } finally {
    for (const { stop: end } of started.toReversed()) await end();
    await forgetGateway(settings);
    await files.release();
    stop.close();
  }
}

interface Start extends Asked {
  readonly files: RunFiles;
  readonly started: Started[];
  readonly stop: StopSignal;
}

async function startAndServe(start: Start): Promise<number> {
  const { options, settings, terminal, stop } = start;
  const { gateway, upstreams } = await startStack({
    settings,
    sources: start.sources,
    terminal,
    files: start.files,
    started: start.started,
    verbose: options.verbose,
    signal: stop.signal,
    onGivenUp: stop.fail,
  });
  const example = exampleCall(gateway, settings, upstreams);
  if (isLiveRun(settings)) {
    terminal.say(`\nA live hub is configured, so no run is sent. To send one:\n  ${example}`);
    return await serve(start, gateway, upstreams, []);
  }
  const view = await agentRun(
    { space_id: SpaceId.parse(DEMO_SPACE), dry_run: false },
    {
      gateway,
      ...(allowsAnonymous(upstreams)
        ? {}
        : { apiKey: readSecretFile(path.join(settings.folders.secrets, SECRETS.apiKey)) }),
      onProgress: runProgress(terminal),
      signal: stop.signal,
    },
  );
  if (view.result) {
    const { stdout } = process;
    const columns = stdout.isTTY && stdout.columns > 0 ? { columns: stdout.columns } : {};
    const table = (result: AgentRunResponse): string => printRun(result, { colour: coloured(stdout), ...columns });
    terminal.print(options.json ? JSON.stringify(view.result) : `\n${table(view.result)}\n`);
  }
  if (options.once) return succeeded(view) ? 0 : 1;
  return await serve(start, gateway, upstreams, [`Another run:  ${example}`]);
}

/** Until Ctrl-C. */
async function serve(
  { options, terminal, settings, sources, stop }: Start,
  gateway: string,
  upstreams: Upstreams,
  more: readonly string[],
): Promise<number> {
  const show = options.json ? terminal.say : terminal.print;
  show(
    [
      `API:          ${gateway}`,
      `Queues:       ${boardCall(gateway, settings, upstreams)}`,
      `Metrics:      ${gateway}/metrics`,
      `Logs:         ${shortPath(settings.folders.logs)}`,
      ...more,
    ].join('\n'),
  );
  terminal.say('Ctrl-C ends everything.');
  const telling = tellOfChanges(sources, terminal.say);
  await stop.requested;
  telling.close();
  return 0;
}

function tell(error: unknown, terminal: Terminal, logs: string): void {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ChildFailed)) return terminal.say(`✗ ${message}`);
  const format = logFormatter(error.child, 0, { colour: false, verbose: true });
  const lines = error.lines.flatMap((line) => format(line) ?? []);
  const log = shortPath(path.join(logs, `${error.child}.log`));
  terminal.say([`✗ ${message}`, ...lines.map((line) => `  ${line}`), `→ The whole log is in ${log}`].join('\n'));
}

// A reader that went away (a closed terminal, `| head`) must not keep us from stopping what we started.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.exitCode = await main();
