/** What is behind a decision can be read, and its prompts made again, from the records and from the archive alone. */
import { createHash, randomBytes } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { newRunId } from '@quorum/shared/ids';
import { preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import { contentHash } from '@quorum/snapshot/content-hash';
import { Proposal } from '@quorum/snapshot/proposal';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { useFolder } from '../test/asking.ts';
import { aProposal } from '../test/fixtures.ts';
import { quietLog } from '../test/log.ts';
import { jobDeps, useJobStand } from '../test/job-stand.ts';
import { vote } from '../test/model-server.ts';
import { factsReply, partOf, reasonReply, type Part } from '../test/parts.ts';
import { rebuildPrompts } from '../test/rebuild.ts';
import { nextRun, openRun, type TestRun } from '../test/runs.ts';
import { createArchive, type Archived } from './archive.ts';
import { decideJob } from './decide-job.ts';
import { createModelMetrics } from './model-metrics.ts';

const root = useFolder();
const NOON_MS = Date.UTC(2026, 10, 20, 12);
const DAY_MS = 86_400_000;

const Line = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('proposal'), hash: z.string(), proposal: Proposal }),
  z.object({ kind: z.literal('preferences'), version: z.string(), preferences: UserPreferences }),
  z.object({ kind: z.literal('evidence'), hash: z.string(), evidence: z.string() }),
]);
type Line = z.infer<typeof Line>;

/** The good lines of a file; a torn one is none. */
async function linesOf(file: string): Promise<Line[]> {
  const texts = (await readFile(file, 'utf8')).split('\n').filter((text) => text.endsWith('}'));
  return texts.map((text) => Line.parse(JSON.parse(text)));
}

let folders = 0;
function anArchive(folder = path.join(root, `archive-${(folders += 1)}`)) {
  const metrics = createModelMetrics(new Registry());
  let nowMs = NOON_MS;
  const archive = createArchive({ folder, metrics, log: quietLog(), now: () => nowMs });
  return {
    folder,
    archive,
    file: path.join(folder, '2026-11-20.ndjson'),
    aDayLater: () => (nowMs += DAY_MS),
    failures: async () => (await metrics.archiveFailures.get()).values[0]?.value,
  };
}

function something(given: { body?: string; instructions?: string; text?: string } = {}): Archived {
  const { body = 'Grey.', instructions = 'Green.', text = `{"salt":"${newRunId()}"}` } = given;
  const proposal = aProposal({ body });
  const preferences = UserPreferences.parse({ instructions });
  return {
    contentHash: contentHash(proposal),
    proposal,
    preferencesVersion: preferencesVersion(preferences),
    preferences,
    evidence: { hash: createHash('sha256').update(text).digest('hex'), text },
  };
}

describe('the archive', () => {
  test('has one file a day, for its owner alone, and each file explains itself', async () => {
    const one = anArchive();
    await one.archive(something());
    await one.archive(something());
    await one.archive(something({ body: 'Blue.' }));
    one.aDayLater();
    await one.archive(something());
    expect((await readdir(one.folder)).toSorted()).toEqual(['2026-11-20.ndjson', '2026-11-21.ndjson']);
    expect((await stat(one.file)).mode & 0o777).toBe(0o600);
    expect((await stat(one.folder)).mode & 0o777).toBe(0o700);
    const kinds = (lines: Line[]): string => lines.map(({ kind }) => kind).join(' ');
    expect(kinds(await linesOf(one.file))).toBe('proposal preferences evidence evidence proposal evidence');
    expect(kinds(await linesOf(path.join(one.folder, '2026-11-21.ndjson')))).toBe('proposal preferences evidence');
  });

  test('takes what several deciders write at once, whole', async () => {
    const one = anArchive();
    const deciders = [one, anArchive(one.folder), anArchive(one.folder)];
    const long = 'x'.repeat(200_000);
    const all = Array.from({ length: 30 }, (_, nth) => something({ text: JSON.stringify({ nth, long }) }));
    await Promise.all(all.map((each, nth) => (deciders[nth % deciders.length] ?? one).archive(each)));
    const lines = await linesOf(one.file);
    const hashes = lines.flatMap((line) => {
      if (line.kind !== 'evidence') return [];
      expect(createHash('sha256').update(line.evidence).digest('hex')).toBe(line.hash);
      return [line.hash];
    });
    expect(hashes.toSorted()).toEqual(all.map(({ evidence }) => evidence.hash).toSorted());
  });

  test('keeps what is given to it while it writes, each in the file of its day', async () => {
    const one = anArchive();
    const first = [one.archive(something()), one.archive(something()), one.archive(something())];
    one.aDayLater();
    await Promise.all([...first, one.archive(something()), one.archive(something())]);
    const kept = async (file: string) => (await linesOf(file)).filter(({ kind }) => kind === 'evidence').length;
    expect(await kept(one.file)).toBe(3);
    expect(await kept(path.join(one.folder, '2026-11-21.ndjson'))).toBe(2);
    expect(await one.failures()).toBe(0);
  });

  test('goes on behind a line that a crash cut short', async () => {
    const one = anArchive();
    await one.archive(something());
    await appendFile(one.file, '{"kind":"evidence","hash":"ab');
    const later = something();
    await anArchive(one.folder).archive(later);
    const hashes = (await linesOf(one.file)).map((line) => ('hash' in line ? line.hash : ''));
    expect(hashes).toContain(later.evidence.hash);
  });

  test('that cannot be written is counted, keeps no decision from being made, and goes on once it can be', async () => {
    const one = anArchive();
    await writeFile(one.folder, 'in the way');
    await one.archive(something());
    expect(await one.failures()).toBe(1);
    const other = anArchive();
    await mkdir(other.folder);
    await mkdir(other.file);
    await other.archive(something());
    expect(await other.failures()).toBe(1);
    other.aDayLater();
    await other.archive(something());
    expect(await other.failures()).toBe(1);
  });
});

describe('the prompts of a decision', () => {
  const key = randomBytes(32);
  const folder = path.join(root, 'of-decisions');
  const stand = useJobStand();

  /**
   * Decides: one answer needs a repair, and one model refuses twice, so that another stands in; of the second reading and the reason
   * too the first replies are of no use. Gives the prompts that were sent.
   */
  async function decide(run: TestRun) {
    const from = stand.server.requests.length;
    const spoilt = new Set<Part>();
    const refused = new Set<string>();
    stand.server.behave((request) => {
      const [, nonce = ''] = /<<<PROPOSAL (\w+)/.exec(JSON.stringify(request.messages)) ?? [];
      const part = partOf(request);
      if (request.model === (part === 'judge' ? 'large' : 'small') && !spoilt.has(part)) {
        spoilt.add(part);
        return { kind: 'says', content: 'For!' };
      }
      if (part === 'facts') return factsReply;
      if (part === 'reason') return reasonReply;
      if (part === 'sample' && request.model === 'large' && (refused.size === 0 || refused.has(nonce))) {
        refused.add(nonce);
        return { kind: 'refuses' };
      }
      return vote(request, 'For');
    });
    const deps = jobDeps(stand, {
      key,
      folder,
      settings: {
        models: ['small', 'large'],
        fallbackModels: ['spare'],
        samples: 2,
        maxBodyTokens: 600,
        maxOutputTokens: 4_000,
        secondReading: 'always',
      },
      last: true,
    });
    expect(await decideJob(run.payload, deps, new AbortController().signal)).toEqual({ kind: 'decided' });
    const record = await run.decision();
    if (record?.kind !== 'decided') throw new Error('No decision');
    const sent = stand.server.requests.slice(from).map(({ messages }) => messages);
    return { sent, hash: record.sealed.decision.evidence_hash };
  }

  const sorted = (prompts: readonly unknown[]): string[] => prompts.map((prompt) => JSON.stringify(prompt)).toSorted();
  const wishes = {
    instructions: 'Green is good.',
    voting_strategy: 'aggressive',
    publish_reason: 'full',
    approval: 'when_unsure',
  };
  const body = `<b>Grey.</b><!-- hidden words -->\u200b ${'Long. '.repeat(2_000)} The end.`;

  test('are made again, word for word, from the records', async () => {
    const run = await openRun(stand.stores, { body }, wishes);
    const { sent, hash } = await decide(run);
    // Four samples, a repair, the second of two refusals, and the model that stood in; reader, judge and reason, each with a repair.
    expect(sent).toHaveLength(13);
    const evidence = (await stand.stores.records.evidence(hash)) ?? '';
    const ids = z
      .object({ decision: z.object({ run_id: z.string(), content_hash: z.string() }) })
      .parse(JSON.parse(evidence)).decision;
    expect(ids.run_id).toBe(run.payload.run_id);
    const proposal = await stand.stores.records.proposal(ids.content_hash);
    const opening = (await stand.stores.records.run(run.payload.run_id))?.opening;
    if (!proposal || !opening) throw new Error('Nothing kept');
    expect(sorted(rebuildPrompts(evidence, { proposal, preferences: opening.preferences }))).toEqual(sorted(sent));
  });

  test('are made again from the archive alone, also of a decision that was made from earlier answers', async () => {
    const run = await openRun(stand.stores, { body }, wishes);
    const { sent } = await decide(run);
    const next = await decide(await nextRun(stand.stores, run, { wishes }));
    expect(next.sent).toEqual([]);
    await stand.redis.flushall();
    const files = await readdir(folder);
    const lines = (await Promise.all(files.map((file) => linesOf(path.join(folder, file))))).flat();
    const evidence = lines.find((line) => line.kind === 'evidence' && line.hash === next.hash);
    if (evidence?.kind !== 'evidence') throw new Error('Not archived');
    const wanted = z
      .object({ decision: z.object({ content_hash: z.string(), preferences_version: z.string() }) })
      .parse(JSON.parse(evidence.evidence)).decision;
    const text = lines.find((line) => line.kind === 'proposal' && line.hash === wanted.content_hash);
    const owner = lines.find((line) => line.kind === 'preferences' && line.version === wanted.preferences_version);
    if (text?.kind !== 'proposal' || owner?.kind !== 'preferences') throw new Error('References not archived');
    const rebuilt = rebuildPrompts(evidence.evidence, { proposal: text.proposal, preferences: owner.preferences });
    expect(sorted(rebuilt)).toEqual(sorted(sent));
  });
});
