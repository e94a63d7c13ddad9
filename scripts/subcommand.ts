/** Commands of a command: `npm run keys -- create …` is the subcommand `create` of `keys`. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { OwnerId } from '@quorum/shared/ids';
import { OperatorError, readOperator, runCommand, type Operator } from './operator.ts';

export type Subcommand = {
  /** How it is called, after `npm run <command> --`. */
  readonly usage: string;
  readonly does: string;
  readonly run: (operator: Operator, args: readonly string[]) => Promise<void>;
};

/** Runs the one that the command line names; without one that there is, says which there are. */
export async function runSubcommand(command: string, known: Readonly<Record<string, Subcommand>>): Promise<void> {
  await runCommand(async ([name, ...args]) => {
    const chosen = name !== undefined && Object.hasOwn(known, name) ? known[name] : undefined;
    if (chosen !== undefined) return await chosen.run(readOperator(), args);
    const all = Object.values(known).map(({ usage, does }) => `  npm run ${command} -- ${usage}\n      ${does}`);
    throw new OperatorError([name === undefined ? 'Which of these?' : `There is no "${name}".`, ...all].join('\n'));
  });
}

/** What the arguments say. Throws an `OperatorError` with the usage where they do not fit. */
export function parseUsage<T extends ParseArgsConfig>(
  usage: string,
  args: readonly string[],
  config: T,
): ReturnType<typeof parseArgs<T & { args: string[] }>> {
  try {
    return parseArgs({ ...config, args: [...args] });
  } catch (error) {
    throw wrongUsage(usage, error instanceof Error ? error.message : String(error));
  }
}

/** The owner that `--owner` names. Throws an `OperatorError` with the usage where that is none. */
export function parseOwner(usage: string, given: string | undefined): OwnerId {
  const owner = OwnerId.safeParse(given);
  if (owner.success) return owner.data;
  throw wrongUsage(usage, '--owner must be 1 to 64 of a-z, 0-9 and -.');
}

export function wrongUsage(usage: string, what: string): OperatorError {
  return new OperatorError(`${what}\n→ ${usage}`);
}
