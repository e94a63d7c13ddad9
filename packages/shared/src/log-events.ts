/**
 * Every event that the services log: its constant message, what it means, and the fields of its line. docs/operations/logs.md is made
 * of this table; tests hold the sources and what services really write to it.
 */
import { z } from 'zod';
import { category, count, err, names, text, usage } from './log-fields.ts';
import { SECURITY_EVENTS } from './security-events.ts';

export type LogEvent = { readonly means: string; readonly fields: z.ZodRawShape };

/** What a line may carry beside its event's own fields: when, who says it, and what it is about. */
const EVERY_LINE = {
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']),
  time: z.iso.datetime(),
  service: z.enum(['gateway', 'fetcher', 'decider', 'voter']),
  msg: z.string(),
};
const ABOUT = {
  request_id: z.uuid().describe('The HTTP request that began it'),
  run_id: z.string().describe('The run'),
  proposal_id: z.string().describe('The proposal'),
  owner: z.string().describe('The owner'),
  space_id: z.string().describe('The space'),
  hold_id: z.string().describe('The hold'),
  queue: z.string().describe('The queue of the job'),
  job: z.string().describe('The kind of the job'),
  job_id: z.string().describe('The job'),
  trace_id: z.string().describe('The trace, where traces are on'),
  span_id: z.string().describe('The span within it'),
  step: z.string().describe('The step of a run that the job is in'),
};
const about = z.object(ABOUT).partial().shape;

const event = (means: string, fields: z.ZodRawShape = {}): LogEvent => ({ means, fields });

const RUNS = {
  'agent start': event('A run begins to read its space', { dry_run: z.boolean() }),
  'the record of the run was not packed': event('It takes more room than it needs, and is read as any other', { err }),
  'proposals selected': event('What the run decides on, and how many were left out for what', {
    filter_metrics: z.record(text, count),
  }),
  'proposal analysed': event('A decision was made', {
    ...usage,
    verdict: text,
    why: text,
    confidence: z.number(),
    agreement: z.number(),
    stakes: text,
    signals: names,
    reused: z.boolean(),
    evidence_hash: text,
  }),
  'no decision': event('The models gave too few answers', { ...usage, asked: count, missing: text }),
  'no budget': event('Nobody was asked since a limit on spending is in the way', { cap: text, detail: text }),
  'vote executed': event('A vote was read back from the hub', { vote_id: text, ballot: text }),
  'proposal settled': event('A proposal left its run', { outcome: text, why: text, detail: text.optional() }),
  'agent completed': event('A run has ended', {
    status: text,
    dry_run: z.boolean(),
    votes_cast: count,
    decisions: count,
    errors: count,
    duration_ms: count,
    next_check_time: text.nullable(),
  }),
  'hold settled': event('The vote of a hold came to its end', {
    outcome: text,
    why: text,
    detail: text.optional(),
    state: text,
  }),
  'hold expired': event('Nobody answered a hold in time', { was: text }),
  'settled later': event('It is known by now what became of a vote', {
    vote_id: text,
    outcome: text,
    counted: text.optional(),
  }),
  'a vote is left unsettled: no record': event('A vote cannot be looked at again, since its run is kept no more'),
  'a vote is left unsettled: its proposal is not stored': event(
    'A vote cannot be looked at again, since the text is gone',
  ),
  'receipt does not check': event('The sequencer accepted a vote with a receipt that is not its own', {
    vote_id: text,
    why: text,
  }),
  'times of a try not kept': event('The trace of the run says less of where its time went', { err }),
  'sealing was not asked for': event('A record waits a minute longer for its place in the audit chain', { err }),
} as const;

const READING = {
  'proposals cannot be read': event('Proposals that the hub gave are left out', { count, first: z.array(z.unknown()) }),
  'proposal cannot be checked': event('A proposal is left out, since the hub said nothing of its voting power', {
    why: text,
  }),
  'proposals not ranked': event('GET /proposals failed', { err }),
  'stored proposal cannot be read': event('A text in Redis is broken; the run ends without it', {
    err,
    content_hash: text,
  }),
  'strategies cannot be read: each vote counts as one that takes power back': event('The hub did not say', { err }),
  'kept list cannot be used': event('The shared list of a space is read anew', { err }),
  'list not kept': event('Other runs read the list of this space themselves', { err, space_id: text }),
  'voting power not kept': event('A run that is put off asks for it again', { err }),
  'lease not let go': event('Who asks for this list next waits for some seconds', { err }),
  'lease not renewed': event('Two processes may read one space at once', { err }),
  'hub not read at the deadline of a hold': event('A hold ends without a last look', { err }),
  'alias is not known to the hub': event('An owner has not made this alias on Snapshot, or it has ended', {
    voter: text,
    alias: text,
  }),
  'alias cannot be read': event('The hub did not say how long an alias is good for', { err }),
  'alias end announced': event('How long an alias is good for is known', { alias: text, expires_at: z.number() }),
  'appointment brought forward for a new alias': event('What was left undone is tried again soon'),
  'signer announced': event('An owner votes with this signer', { voter: text, kind: text, spaces: count }),
  'signer withdrawn': event('An owner has no signer any more'),
  'model did not answer': event('A call to a model came to nothing', {
    model: text,
    why: text,
    error: text,
    status: z.int().optional(),
    code: text.optional(),
  }),
  'model asked in another form': event('A model takes questions in another form', {
    model: text,
    refused: text,
    next: text,
  }),
  'models cost more than was held: see MODEL_PRICES': event('A price is too low', {
    cost: z.number(),
    held: z.number(),
  }),
  'evidence not archived; Redis keeps it for 30 days': event('The archive cannot be written', {
    err,
    folder: text,
    evidence_hash: text,
  }),
} as const;

const JOBS = {
  'job attempt failed': event('An attempt at a job failed', {
    err,
    category,
    attempt: count,
    last: z.boolean(),
    duration_ms: count,
  }),
  'job ends with an error': event('The last attempt failed; its end is recorded', { err, category }),
  'job postponed': event('A job is put off, at no cost', { delay_ms: z.number(), why: text }),
  'job handed back': event('A job waits for another worker, or to find that its run is to stop'),
  'job taken back from a worker that vanished': event('A worker died, or was too busy to say that it lives'),
  'lost job not recorded': event('A job failed for good and its end could not be written', { err }),
  'job of a run lost': event('The root job of a run failed for good', { err }),
  'job of a notice lost': event('A notice will not be delivered', { err }),
  'worker error': event('The connection of a worker, or BullMQ', { err }),
  'worker left without redis': event('A service stops while Redis is away; its jobs come back by themselves', {
    jobs: count,
  }),
  'queue error': event('The connection of a queue, or BullMQ', { err }),
  'flow producer error': event('The connection of what adds jobs, or BullMQ', { err }),
  'ends of runs are not heard': event('Whoever waits for one has it only when the time is over', { err }),
  'stops of runs are not heard': event('A cancelled run stops at its next step', { err }),
  'watchdog helped a run': event('Something was lost, and is put back or ended', { what: text }),
  'watchdog could not do a part of its work': event('It tries again in a minute', { err, what: text }),
  'open run cannot be looked at': event('A record is broken', { err }),
  'run record cannot be read whole': event('A record is broken; the run ends all the same', { err }),
  'appointments cannot be read': event('Records are broken', { fields: names }),
  'watches cannot be read; order them anew, or delete their records': event('Records are broken', { fields: names }),
  'scheduler of a watch was not there': event('It is made again from its record', { what: text, missed: z.boolean() }),
  'open holds cannot be read': event('Records are broken', { holds: names }),
  'runs cannot be read': event('Records are broken', { runs: names }),
  'holds cannot be read': event('Records are broken', { holds: names }),
  'notice given up': event('A webhook was tried in vain', { delivery: text, tries: count, why: text }),
} as const;

const PREFERENCES = {
  'preferences loaded': event('As stored', { version: text }),
  'no preferences stored, defaults apply': event('An owner has said nothing', { version: text }),
  'preferences cannot be used': event('A run is a dry run until they are mended', {
    fault: text,
    why: text,
    last_good: text.nullable(),
  }),
  'preferences saved': event('All of them', { version: text, fields: names }),
  'preferences updated': event('Some of them', { version: text, fields: names }),
  'preferences not changed': event('A change was refused', { error: text, why: text.optional(), fields: names }),
  'preferences not read at the end of a run': event('Whether they changed is looked at by the next run', { err }),
} as const;

const LIFE = {
  'service ready': event('It takes requests or jobs', { url: text }),
  'service stopping': event('It was told to stop', { why: text }),
  'service stopped': event('Everything is closed'),
  'service could not start': event('The process ends with 1', { err }),
  'service did not stop in time': event('The process ends with 1; what is still open', { open: names }),
  'part did not close cleanly': event('The process ends with 1', { err, part: text }),
  'unhandled rejection': event('A fault of ours; the service ends', { err }),
  'uncaught exception': event('A fault of ours; the service ends', { err }),
  'started without redis': event('Requests are answered 503 until it is there', { err }),
  'redis connection lost': event('Once an outage', { err }),
  'redis connection restored': event('It is back'),
  'redis may lose acknowledged writes': event('Its settings are not fit for votes', { faults: names }),
  'spans cannot be sent': event('The collector of traces does not take them', { err }),
  'spans are sent again': event('The collector of traces is back'),
  'last spans not sent': event('A service stopped before its traces were sent', { err }),
  'heartbeat not written': event('The others may think that this process is gone', { err }),
  'old heartbeats not forgotten': event('They are tried again', { err }),
  'settings changed': event('In force from now on', { settings: names }),
  'settings are unchanged': event('The file was read and says the same'),
  'settings do not fit; the old values stay': event('Nothing of the file is taken', { settings: names, why: text }),
  'settings need a restart; the old values stay': event('They cannot change while it runs', { settings: names }),
  'settings are set by the environment; the file is not heard': event('The environment has the word', {
    settings: names,
  }),
  'settings file is not watched; send this service SIGHUP after a change': event(
    'The system does not tell of changes',
    {
      err,
      file: text,
    },
  ),
  'probe not answered': event('/metrics or /health of a worker failed', { err, path: text.optional() }),
} as const;

const REQUESTS = {
  'request answered': event('An HTTP request; probes and scrapes are left out', {
    req: z.strictObject({ method: text, path: text }),
    res: z.strictObject({ status: z.int() }),
    duration_ms: count,
  }),
  'request not answered': event('A client went away, or the answer is 5xx', {
    req: z.strictObject({ method: text, path: text }),
    res: z.strictObject({ status: z.int().optional() }),
    err,
    duration_ms: count,
  }),
  'request failed': event('Why an answer is 5xx', { err }),
  'holds not offered at once': event('The watchdog offers them within a minute', { err }),
  'events of runs not read': event('Clients wait for what they watch', { err }),
  'entry among the events of a run is none': event('Somebody else wrote there', { key: text, id: text }),
} as const;

const securityFields = {
  event: z.enum(Object.keys(SECURITY_EVENTS)),
  ...z
    .object({
      err,
      why: text,
      voter: text,
      vote_id: text,
      inputs_hash: text,
      evidence_hash: text,
      counted: text,
      stands: text,
      was: count,
      is: count,
      hash: text,
      seq: count,
      source: text,
      signals: names,
      scope: text,
      by: text,
      budget: text,
    })
    .partial().shape,
};
const SECURITY = new Map(
  Object.values(SECURITY_EVENTS).map(({ message, means }) => [message, event(means, securityFields)] as const),
);

/** Every event by its message, in the order in which they are documented. */
export const LOG_EVENTS: ReadonlyMap<string, LogEvent> = new Map<string, LogEvent>(
  [RUNS, READING, JOBS, PREFERENCES, LIFE, REQUESTS].flatMap((group) => Object.entries(group)).concat([...SECURITY]),
);

/** The fields that a line may carry beside its own, and what they are. */
export const CONTEXT_FIELDS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(ABOUT).map(([name, field]) => [name, field.description ?? '']),
);

/** What is wrong with a log line; null where it is one of an event here, with this event's fields and no other. */
export function faultOfLine(line: string): string | null {
  let read: unknown;
  try {
    read = JSON.parse(line);
  } catch {
    return 'it is no JSON';
  }
  const head = z.looseObject(EVERY_LINE).safeParse(read);
  if (!head.success) return z.prettifyError(head.error);
  const found = LOG_EVENTS.get(head.data.msg);
  if (found === undefined) return `"${head.data.msg}" is no event of the catalogue`;
  const parsed = z.strictObject({ ...about, ...EVERY_LINE, ...found.fields }).safeParse(read);
  return parsed.success ? null : z.prettifyError(parsed.error);
}
