/** docs/operations/metrics.md and logs.md, made of what is registered and of the catalogue. `npm run docs` writes them; a test compares them. */
import path from 'node:path';
import { CONTEXT_FIELDS, LOG_EVENTS } from '@quorum/shared/log-events';
import { SECURITY_EVENTS } from '@quorum/shared/security-events';
import { allMetrics, type MetricShape } from './all-metrics.ts';
import { ROOT } from './root.ts';
import { SERVICES } from './services.ts';
import { markdown } from './markdown.ts';

export const METRICS_FILE = path.join(ROOT, 'docs/operations/metrics.md');
export const LOGS_FILE = path.join(ROOT, 'docs/operations/logs.md');

/** In which processes that happens which all of them could count. */
const HAPPENS_IN: Readonly<Record<string, string>> = {
  quorum_jobs_total: 'all',
  quorum_job_duration_seconds: 'all',
  quorum_jobs_in_flight: 'all',
  quorum_jobs_stalled_total: 'all',
  quorum_outcomes_total: 'voter, fetcher',
  quorum_runs_total: 'fetcher',
  quorum_run_duration_seconds: 'fetcher',
  quorum_turns_total: 'fetcher',
  quorum_votes_total: 'voter',
  quorum_vote_sends_total: 'voter',
  quorum_vote_time_left_seconds: 'voter',
  quorum_holds_total: 'voter, gateway',
  quorum_upstream_requests_total: 'fetcher, decider, voter',
  quorum_upstream_request_duration_seconds: 'fetcher, decider, voter',
  quorum_upstream_gate_total: 'fetcher, decider, voter',
  quorum_preferences_loads_total: 'gateway, fetcher, voter',
  quorum_config_reloads_total: 'all',
  quorum_security_events_total: 'all',
};

const METRICS_INTRODUCTION = `# Metrics

_Made of what the services register by \`npm run docs\`; a test sees to it that it is true._

Each process serves its own at \`/metrics\`: the gateway on its port, the workers on \`METRICS_PORT\`. They ask for no key, so keep them off
the internet. Beside those below each has Node's own (\`process_cpu_seconds_total\`, \`process_resident_memory_bytes\`,
\`nodejs_eventloop_lag_seconds\`, \`nodejs_gc_duration_seconds\` and so on). Every one carries the label \`service\`.

- **What is counted is what was written.** A run's end, an outcome, a vote or a change of a hold is counted by the process whose step in
  Redis wrote it. A job that is delivered twice writes nothing the second time, so that sums over all processes are the numbers
  of the records. A process that dies takes with it what was not scraped yet, and what was written while the line to Redis was cut
  before its answer is not counted: the records are the truth, the counters can fall short of them and never exceed them.
  \`rate\` and \`increase\` bear that.
- **Gauges of the whole are read from Redis at each scrape** (\`collect\`), within two seconds: queues, workers, open runs and holds by
  the gateway, aliases and audit chains by the voter service, the day's budget by the decider. Of several gateways, voter services
  or deciders each says the same: take \`max\`, never \`sum\`. While Redis does not answer they are \`NaN\` or missing, never old.
- **Labels are bounded.** None holds an id, an owner, an address, a model's name or a text.

`;

/** The files of `npm start` are held open and appended to (`child.ts`), so that they can be cut where they are. */
const ROTATION = `## How much is kept

In compose the last 50 MB of each container (\`docker-compose.yml\`, \`logging\`). What \`npm start\` writes into \`.data/logs\` grows until
somebody cuts it. As \`/etc/logrotate.d/quorum\`, with your folder and user:

\`\`\`
/srv/quorum/.data/logs/*.log {
    su quorum quorum
    weekly
    maxsize 100M
    rotate 8
    compress
    missingok
    notifempty
    copytruncate
}
\`\`\`

\`copytruncate\` is needed: the files are held open and appended to, and nothing opens them anew. Lines that are written between the copy and
the cut are lost; the records in Redis and the audit chain are not in these files.

`;

const LOGS_INTRODUCTION = `# Logs

_Made of the catalogue by \`npm run docs\`; tests see to it that it is true._

Each process writes one line of JSON an event to its standard output: \`level\`, \`time\`, \`service\`, the fields of the event, and \`msg\`,
which is constant for an event. Filter by \`msg\`, and security events by \`event\`. In a terminal it is a line for people; \`npm start\` shows
warnings and worse and keeps the JSON in files.

\`LOG_LEVEL\` says from which level on lines are written (\`trace\` to \`error\`). It may change while a service runs: jobs and
requests that begin afterwards follow it.

**What no line shows.** Values of secret settings, wherever they would stand; fields that are named like a secret, at any depth;
bearer tokens, API keys, passwords within URLs and keys in their queries, and whatever has as many hex digits as a private key and does
not stand in a field that is known to hold a hash: \`[redacted]\`. Control characters from outside, decoded or not, are blanks. Preferences, instructions and
texts of proposals are not logged at all.

**From a request to its votes.** The answer of every request has an \`x-request-id\`. Lines about the request, the run that it began,
its jobs in fetcher, decider and voter service, and a vote that an answer to a hold has made carry it as \`request_id\`. A second
request that joins a run finds it under the id of the first. Runs that a watch or an appointment began have none; they are found by
\`run_id\`.

`;

/** The page of metrics. */
export function metricsPage(metrics: readonly MetricShape[] = allMetrics()): string {
  const ours = metrics.filter(({ name }) => name.startsWith('quorum_'));
  const rows = ours.map(({ name, type, labels, help, ...metric }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    processOf({ name, ...metric }),
    help,
  ]);
  return `${METRICS_INTRODUCTION}${markdown([['metric', 'type', 'labels', 'process', 'what it is'], ...rows])}\n`;
}

/** Where it happens. Throws where nobody said so of one that all register. */
function processOf({ name, services }: Pick<MetricShape, 'name' | 'services'>): string {
  if (services.length < SERVICES.length) return services.join(', ');
  const where = HAPPENS_IN[name];
  if (where === undefined) throw new Error(`Say in HAPPENS_IN in which processes ${name} is counted.`);
  return where;
}

/** The page of log events. */
export function logsPage(): string {
  const security: ReadonlySet<string> = new Set(Object.values(SECURITY_EVENTS).map(({ message }) => message));
  const about = Object.entries(CONTEXT_FIELDS).map(([name, what]) => [`\`${name}\``, what]);
  const events = [...LOG_EVENTS]
    .filter(([message]) => !security.has(message))
    .map(([message, { means, fields }]) => [message, fieldsOf(fields), means]);
  const told = Object.entries(SECURITY_EVENTS).map(([event, { level, means }]) => [`\`${event}\``, level, means]);
  return [
    LOGS_INTRODUCTION,
    ROTATION,
    `## Fields that any line may carry\n\n${markdown([['field', 'what it names'], ...about])}\n\n`,
    `## Events\n\n${markdown([['msg', 'fields', 'what happened'], ...events])}\n\n`,
    '## Security events\n\nTheir messages begin with `security: `; `event` is also the label of `quorum_security_events_total`.\n\n',
    `${markdown([['event', 'level', 'what it means'], ...told])}\n`,
  ].join('');
}

function fieldsOf(fields: object): string {
  return Object.keys(fields)
    .map((name) => `\`${name}\``)
    .join(', ');
}
