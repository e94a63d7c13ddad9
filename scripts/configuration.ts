/** docs/configuration.md, made of the schemas. `npm run docs` writes it; `npm run check` compares it. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Setting } from '@quorum/shared/settings';
import { SINGLE_OWNER_VARIABLES } from '@quorum/voter/signer-entry';
import { markdown } from './markdown.ts';
import { ROOT } from './root.ts';
import { allSettings, type NamedSetting } from './schemas.ts';
import { SERVICES } from './services.ts';

export const CONFIGURATION_FILE = path.join(ROOT, 'docs/configuration.md');

const SINGLE_OWNER = SINGLE_OWNER_VARIABLES.map((name) => `\`${name}\``).join(', ');

const INTRODUCTION = `# Configuration

_Made of the schemas by \`npm run docs\`; \`npm run check\` sees to it that it is true._

A setting's value is its default, unless \`.env\` sets it, unless the environment sets it. What the environment holds empty has its
default, whatever \`.env\` says. \`.env.example\` lists what an operator may want to set. \`npm run config\` prints what \`npm start\`
would use and where it comes from; \`node services/NAME/src/main.ts --print-config\` does so for one service as it is started there.
Secrets are masked in both. A value that does not fit is told with the name of the setting, and the service does not start. So is a
line of \`.env\` that is not \`NAME=value\`, with its number: a value ends with its line, and one that holds a \`#\` stands in quotes.

## Changing settings while it runs

The services that \`npm start\` runs read \`.env\` again when it changes, and on SIGHUP. The column _applies_ says when a new value is
in force:

| applies       | means                                                                                                                            |
| ------------- | -------------------------------------------------------------------------------------------------------------------------------- |
| next job      | from the next job or request on                                                                                                  |
| next run      | from the next run on: a run keeps, in each service, what the service's first job of it found                                     |
| after restart | the service says so in its log (\`settings need a restart\`), and goes on with the old value                                       |

The file is taken whole or not at all: if anything in it does not fit, or the file is gone or emptied, the old values stay, the log
names the setting, and \`quorum_config_reloads_total{result="invalid"}\` rises (other results: \`applied\`, \`unchanged\`,
\`needs_restart\`). What the environment sets does not follow the file. \`npm start\` says which names changed, and which of them
nothing reads. \`npm start\` sets so

- always the _managed_ settings, the upstreams, \`REDIS_URL\`, \`REDIS_PASSWORD_FILE\`, \`OWNER_ID\`, \`PORT\` and \`ALLOW_ANONYMOUS\`;
- with the sandbox's model \`OPENAI_API_KEY\`, and \`DECIDER_MODELS\` and \`MODEL_PRICES\` where you name none;
- with the sandbox's Snapshot \`SHUTTER_EON_PUBLIC_KEY\`;
- without a live Snapshot ${SINGLE_OWNER}, all empty: the sandbox has a signer of its own.

Compose hands every setting on in the environment: there \`docker compose up -d\` restarts the services whose settings changed.

SIGHUP is for the process of a service (\`kill -HUP PID\`, as where a file cannot be watched). To \`npm start\` itself it means stop, as to
most programs whose terminal closes.

\`DEFAULT_CONFIDENCE_THRESHOLD\` and \`MAX_PROPOSALS_PER_RUN\` stand in for what an owner's preferences leave out, and are kept with
them when a run opens. Before a vote the threshold is read again, and the stricter of then and now holds.

## Settings

_managed_: \`npm start\` and compose set it themselves. _secret_: never shown, logged or recorded.
`;

/** The whole page. */
export function configurationPage(): string {
  const rows = allSettings().map((named) => [
    `\`${named.name}\``,
    SERVICES.filter((service) => named.uses.some((use) => use.service === service)).join(', '),
    different(named, defaultOf),
    different(named, ({ takes }) => takes),
    different(named, appliesOf),
    different(named, marksOf),
    different(named, ({ description }) => description),
  ]);
  const table = [['setting', 'services', 'default', 'takes', 'applies', 'marks', 'what it is'], ...rows];
  return `${INTRODUCTION}\n${markdown(table)}\n`;
}

/** Whether the page on disk is this one. */
export async function configurationIsFresh(): Promise<boolean> {
  return (await readFile(CONFIGURATION_FILE, 'utf8').catch(() => '')) === configurationPage();
}

/** What is said of a setting: once where all services agree, else by service. */
function different({ uses }: NamedSetting, say: (setting: Setting) => string): string {
  const bySaying = Map.groupBy(uses, ({ setting }) => say(setting));
  const [first] = bySaying.keys();
  if (bySaying.size === 1) return first ?? '';
  return [...bySaying].map(([words, of]) => `${of.map(({ service }) => service).join(', ')}: ${words}`).join('; ');
}

function defaultOf({ default: value, needed }: Setting): string {
  if (value !== null) return `\`${value}\``;
  return needed ? 'must be set' : 'none';
}

function appliesOf({ reload }: Setting): string {
  return reload === null ? 'after restart' : `next ${reload}`;
}

function marksOf(setting: Setting): string {
  return [setting.managed ? 'managed' : '', setting.secret ? 'secret' : ''].filter(Boolean).join(', ');
}
