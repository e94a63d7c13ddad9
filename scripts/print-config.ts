/**
 * `npm run config`: the settings with which `npm start` would start each service, and where each one comes from, as JSON.
 * Secrets are masked. Nothing is started.
 *
 *     npm run config                 all services
 *     npm run config -- decider      one of them
 */
import path from 'node:path';
import { layer, show } from '@quorum/shared/config-layers';
import { runCommand } from './operator.ts';
import { ROOT } from './root.ts';
import { SCHEMAS } from './schemas.ts';
import { FIRST_PORTS, SANDBOX_PORT, serviceEnv, SERVICES, upstreamsOf, type ServiceName } from './services.ts';
import { merged, readSources, unheardSettings } from './settings-file.ts';
import { readSettings, SettingsError } from './start-settings.ts';

function main(args: readonly string[]): void {
  const wanted = SERVICES.filter((name) => args.length === 0 || args.includes(name));
  if (args.length > 1 || wanted.length === 0) {
    throw new SettingsError(`Known: npm run config -- [${SERVICES.join(' | ')}]`);
  }
  const sources = readSources(process.env, ROOT);
  for (const warning of unheardSettings(sources.file)) process.stderr.write(`! ${warning}\n`);
  const env = merged(sources);
  const settings = readSettings(env, path.resolve(ROOT, env['QUORUM_DATA_DIR'] || '.data'));
  const upstreams = upstreamsOf(settings, `http://127.0.0.1:${SANDBOX_PORT}`);
  const redisUrl = settings.redisUrl ?? 'redis://127.0.0.1';
  const around = { root: ROOT, settings, sources, redisUrl, upstreams };

  const shown = (name: ServiceName): Record<string, unknown> => {
    const port =
      name === 'gateway' ? { PORT: String(settings.gatewayPort) } : { METRICS_PORT: String(FIRST_PORTS[name]) };
    const given: NodeJS.ProcessEnv = { ...serviceEnv(name, around), ...port };
    const effective = Object.entries(show(SCHEMAS[name], layer(SCHEMAS[name], sources.file, given)));
    return Object.fromEntries(
      effective.map(([setting, { value, source }]) => {
        const ours = source === 'environment' && given[setting] !== process.env[setting];
        if (setting === 'REDIS_URL' && settings.redisUrl === undefined) {
          return [setting, { value: 'a private Redis on a free port', source: 'npm start' }];
        }
        return [setting, { value, source: ours ? 'npm start' : source }];
      }),
    );
  };
  const [only, ...more] = wanted;
  const all =
    only !== undefined && more.length === 0
      ? shown(only)
      : Object.fromEntries(wanted.map((name) => [name, shown(name)]));
  process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
}

await runCommand(async (args) => main(args));
