/**
 * What somebody who looks after Quorum must hear of: what was refused since it was not ours or not allowed, what is used up, what was
 * switched. Each is counted (`quorum_security_events_total`) and is one log line with its name in `event`; most mean that
 * somebody wrote into Redis, or holds a key that they should not.
 */
import type { Logger } from './log.ts';

type Told = { readonly level: 'info' | 'warn' | 'error'; readonly message: string; readonly means: string };

/** Every event: how bad, the message of its line, and what it means to an operator. */
export const SECURITY_EVENTS = {
  guard_refused: {
    level: 'error',
    message: 'security: the guard refused to sign',
    means: 'What was to be signed was not exactly the vote that was decided',
  },
  signer_refused: {
    level: 'warn',
    message: 'security: the signer may not make this vote',
    means: 'Its owner has no signer for this space, or Snapshot does not take its signature',
  },
  decision_refused: {
    level: 'error',
    message: 'security: decision is not the decider’s',
    means: 'A stored decision does not carry the code of the decider',
  },
  answer_refused: {
    level: 'error',
    message: 'security: the answer to a hold is not the gateway’s',
    means: 'A stored answer to a hold does not carry the code of the gateway, or was given to something else',
  },
  answers_refused: {
    level: 'error',
    message: 'security: kept answers are not the decider’s',
    means: 'What models said before does not carry the code of the decider; they are asked again',
  },
  evidence_altered: {
    level: 'error',
    message: 'security: an evidence record is not what its name says',
    means: 'A stored evidence record was altered; it is not shown',
  },
  intent_refused: {
    level: 'error',
    message: 'security: stored intent is not ours',
    means: 'A vote that the ledger holds was altered',
  },
  ledger_altered: {
    level: 'error',
    message: 'security: the ledger says that a secret vote counted otherwise than the hub shows',
    means: 'Somebody wrote into the ledger how a secret vote counted',
  },
  vote_differs: {
    level: 'error',
    message: 'security: the hub has another ballot',
    means: 'The hub shows another ballot under the id of a vote of ours',
  },
  vote_adopted: {
    level: 'error',
    message: 'security: the ledger did not know a vote of ours; it is taken up again',
    means: 'Redis lost a vote of ours, or is an older copy that was restored',
  },
  vote_counted_differently: {
    level: 'error',
    message: 'security: a secret vote did not count as cast',
    means: 'After its reveal a secret vote was not the ballot that was cast, or could not be read',
  },
  vote_cap_hit: {
    level: 'warn',
    message: 'security: the daily number of votes is reached',
    means: 'A vote was not made since VOTES_PER_DAY is used up',
  },
  audit_head_forged: {
    level: 'error',
    message: 'security: the audit chain was altered',
    means: 'The last record of a chain is not as it was sealed; nothing is sealed behind it and nothing voted on it',
  },
  audit_rolled_back: {
    level: 'error',
    message: 'security: the audit chain is not what it was',
    means: 'A chain became shorter, or its last record another one, since this process last saw it',
  },
  audit_entry_refused: {
    level: 'error',
    message: 'security: an audit entry is not ours',
    means: 'An entry that waited to be sealed does not carry the code of the voter service',
  },
  api_key_refused: {
    level: 'warn',
    message: 'security: an API key was refused',
    means: 'A request came with a key that is unknown, malformed or revoked',
  },
  api_key_forged: {
    level: 'error',
    message: 'security: the record of an API key is not ours; npm run keys -- list names it',
    means: 'The record of an API key in Redis does not carry the code of the gateway',
  },
  board_link_refused: {
    level: 'warn',
    message: 'security: a link to the board was refused',
    means: 'A one-time link to Bull Board was wrong, old or used before',
  },
  limit_hit: {
    level: 'warn',
    message: 'security: a rate limit was hit',
    means: 'A request was refused since its owner or address had used up a budget',
  },
  webhook_forged: {
    level: 'error',
    message: 'security: the record of a webhook is not ours; nothing is sent there',
    means: 'The record of a webhook in Redis does not carry the code of the gateway',
  },
  preferences_refused: {
    level: 'error',
    message: 'security: preferences may be others’; nothing is cast by them',
    means: 'Preferences in Redis do not carry our code, or lie in a file that others may write',
  },
  voting_paused: {
    level: 'warn',
    message: 'security: voting was paused',
    means: 'Somebody used the kill switch',
  },
  voting_resumed: {
    level: 'warn',
    message: 'security: voting was resumed',
    means: 'Somebody released the kill switch',
  },
  injection_suspected: {
    level: 'warn',
    message: 'security: the text of a proposal tries to steer its reader',
    means: 'A hard signal was found in a proposal, or a model repeated the mark of its instructions',
  },
} as const satisfies Readonly<Record<string, Told>>;

export type SecurityEvent = keyof typeof SECURITY_EVENTS;

/** The names of all of them. */
export const securityEvents = (): SecurityEvent[] => Object.keys(SECURITY_EVENTS).filter(isSecurityEvent);

function isSecurityEvent(name: string): name is SecurityEvent {
  return Object.hasOwn(SECURITY_EVENTS, name);
}

/** Counts them, each under its name. */
export type SecurityCounter = { inc(labels: { readonly event: SecurityEvent }): void };

export type SecurityDeps = { readonly metrics: { readonly security: SecurityCounter }; readonly log: Logger };

/** Tells of an event: counts it and writes its line. */
export function tellSecurity({ metrics, log }: SecurityDeps, event: SecurityEvent, fields: object = {}): void {
  metrics.security.inc({ event });
  logSecurity(log, event, fields);
}

/** The line alone, for who counts elsewhere. */
export function logSecurity(log: Logger, event: SecurityEvent, fields: object = {}): void {
  const { level, message } = SECURITY_EVENTS[event];
  log[level]({ ...fields, event }, message);
}
