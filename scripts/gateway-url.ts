/**
 * Where the gateway of `npm start` listens, written down for the operator's commands: it moves where another program has its port,
 * and that program is not to be handed a key.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Operator } from './operator.ts';
import { runFiles } from './run-files.ts';
import type { StartSettings } from './start-settings.ts';

type Folders = Pick<StartSettings, 'folders'>;

const fileIn = ({ folders }: Folders): string => path.join(folders.run, 'gateway.url');

export async function noteGateway(settings: Folders, url: string): Promise<void> {
  await writeFile(fileIn(settings), url, { mode: 0o600 });
}

export async function forgetGateway(settings: Folders): Promise<void> {
  await rm(fileIn(settings), { force: true });
}

/** The URL that is written down, while the start that wrote it runs; else that of PORT on this machine, as in compose. */
export async function gatewayUrlOf({ settings, env }: Operator): Promise<string> {
  const isRunning = (await runFiles(settings.folders.run).supervisor()) !== undefined;
  const text = isRunning ? await readFile(fileIn(settings), 'utf8').catch(() => '') : '';
  return URL.canParse(text) ? text : `http://127.0.0.1:${env['PORT'] || '3000'}`;
}
