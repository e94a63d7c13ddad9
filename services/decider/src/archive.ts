/**
 * The evidence for longer than Redis keeps it: one file a UTC day, one JSON text a line, forced to disk before the decision counts.
 *
 *   {"kind":"proposal","hash","proposal"}             what was read, under its content hash
 *   {"kind":"preferences","version","preferences"}    what the owner wanted, under its version
 *   {"kind":"evidence","hash","evidence"}             the canonical JSON of the record: its SHA-256 is the hash
 *
 * The first two stand before the first evidence of a file that needs them, so that each file explains itself. Several deciders may
 * write to one folder. Only its owner can read it: the owners' instructions are in it.
 */
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, write as writeTo } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { utcDay } from '@quorum/shared/budget';
import type { Logger } from '@quorum/shared/log';
import type { UserPreferences } from '@quorum/shared/preferences';
import type { Proposal } from '@quorum/snapshot/proposal';
import type { ModelMetrics } from './model-metrics.ts';

export type Archived = {
  readonly contentHash: string;
  readonly proposal: Proposal;
  readonly preferencesVersion: string;
  readonly preferences: UserPreferences;
  readonly evidence: { readonly hash: string; readonly text: string };
};

export type ArchiveDeps = {
  readonly folder: string;
  readonly metrics: Pick<ModelMetrics, 'archiveFailures'>;
  readonly log: Logger;
  /** Unix milliseconds. */
  now(): number;
};

/**
 * Appends to the archive in a folder. Never throws: a full disk must not keep votes from being cast whose evidence Redis has. The
 * failure is logged and counted.
 */
export function createArchive({ folder, metrics, log, now }: ArchiveDeps): (archived: Archived) => Promise<void> {
  /** What today's file has from this process. */
  let day = '';
  let written = new Set<string>();
  const append = createAppend();

  return async (archived) => {
    const today = utcDay(now());
    if (today !== day) [day, written] = [today, new Set()];
    const { contentHash, preferencesVersion: version, evidence } = archived;
    const references = [
      { kind: 'proposal', hash: contentHash, proposal: archived.proposal },
      { kind: 'preferences', version, preferences: archived.preferences },
    ] as const;
    const missing = references.filter((line) => !written.has(nameOf(line)));
    const lines = [...missing, { kind: 'evidence', hash: evidence.hash, evidence: evidence.text }];
    const known = written;
    try {
      await append(path.join(folder, `${today}.ndjson`), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      for (const line of missing) known.add(nameOf(line));
    } catch (error) {
      metrics.archiveFailures.inc();
      log.error(
        { err: error, folder, evidence_hash: evidence.hash },
        'evidence not archived; Redis keeps it for 30 days',
      );
    }
  };
}

function nameOf(
  line:
    | { readonly kind: 'proposal'; readonly hash: string }
    | { readonly kind: 'preferences'; readonly version: string },
) {
  return line.kind === 'proposal' ? line.hash : line.version;
}

/**
 * Appends texts to files, each on disk when its promise resolves. What comes while another is being written goes together: it is one file
 * to open, and one wait for the disk, for all of them.
 */
function createAppend(): (file: string, text: string) => Promise<void> {
  let waiting: { readonly file: string; readonly texts: string[]; readonly done: Promise<void> } | null = null;
  let last: Promise<unknown> = Promise.resolve();
  return (file, text) => {
    if (waiting?.file === file) {
      waiting.texts.push(text);
      return waiting.done;
    }
    const texts = [text];
    const done = last.then(() => {
      if (waiting?.texts === texts) waiting = null;
      return write(file, texts.join(''));
    });
    waiting = { file, texts, done };
    last = done.catch(() => undefined);
    return done;
  };
}

/**
 * In one write, so that lines of several processes never mix, and on disk when it resolves. It alone is done in another thread: the small
 * calls around it take less than the way there and back.
 */
async function write(file: string, text: string): Promise<void> {
  const fd = opened(file);
  try {
    const bytes = Buffer.from(endsTorn(fd) ? `\n${text}` : text);
    const { bytesWritten } = await writeAsync(fd, bytes);
    if (bytesWritten < bytes.length) throw new Error(`Only ${bytesWritten} of ${bytes.length} bytes were written.`);
  } finally {
    closeSync(fd);
  }
}

const writeAsync = promisify(writeTo);

/** To read and append; a write ends when its bytes are on disk. */
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_DSYNC;

/** The file, made with its folder where it is not there: mostly it is. */
function opened(file: string): number {
  try {
    return openSync(file, FLAGS, 0o600);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    return openSync(file, FLAGS, 0o600);
  }
}

/** Whether a crash, or a full disk, cut the last line short: what follows must not become part of it. */
function endsTorn(fd: number): boolean {
  const { size } = fstatSync(fd);
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] !== '\n'.charCodeAt(0);
}
