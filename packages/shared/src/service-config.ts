/**
 * The configuration of a service process: its environment, and the settings file that QUORUM_ENV_FILE names (`npm start` does).
 * `--print-config` prints the effective values as JSON, secrets masked, and ends.
 */
import { writeSync } from 'node:fs';
import type { z } from 'zod';
import { configOrExit } from './lifecycle.ts';
import { liveConfig, type LiveConfig } from './live-config.ts';

const STDOUT = 1;

/** The settings of this process. What is wrong with them is said in words, and the process ends with 1. */
export function serviceConfig<S extends z.ZodObject>(service: string, schema: S): LiveConfig<S> {
  const { env, argv } = process;
  const config = configOrExit(() => liveConfig(service, schema, { env, file: env['QUORUM_ENV_FILE'] || null }));
  if (argv.includes('--print-config')) {
    // At once: process.exit() does not wait for a stream.
    writeSync(STDOUT, `${JSON.stringify(config.show(), null, 2)}\n`);
    process.exit(0);
  }
  return config;
}
