/**
 * A whole Quorum on the sandbox with nothing wrong, for the tests of the doctor, and how it is made ill: each case breaks it in one way,
 * and the doctor names the fault and the remedy.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSandbox, type Sandbox } from '@quorum/sandbox/start-sandbox';
import { OwnerId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import { enableVoting } from '@quorum/shared/voting';
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { demoStore, ensureDemoPreferences } from '../scripts/demo-preferences.ts';
import { ensureDemoSigner } from '../scripts/demo-signer.ts';
import { examine } from '../scripts/doctor/examine.ts';
import type { Finding } from '../scripts/doctor/finding.ts';
import { freePort } from '../scripts/ports.ts';
import { ensureSecrets, SECRETS, SIGNERS_FILE } from '../scripts/secrets.ts';
import type { SettingSources } from '../scripts/start-settings.ts';
import { startTestRedis, type TestRedis } from './redis.ts';

export const PASSWORD = 'a password of Redis';
export const HUB_KEY = 'a-key-of-the-hub';
const MODEL_KEY = 'a-key-of-the-model';
export const OWNER = OwnerId.parse('owner');
export const SPACE = SpaceId.parse('harbour.eth');

export type Env = Readonly<Record<string, string>>;

/** What is started once for the tests of a file. */
type Started = { readonly server: TestRedis; readonly redis: Redis; readonly sandbox: Sandbox };
/** What is made anew for each test. */
type Made = { readonly dir: string; readonly voter: Address; readonly alias: Address };

export type DoctorStand = Started &
  Made & {
    /** Where a secret of this name is. */
    readonly secret: (name: string) => string;
    /** Where the owner's preferences are. */
    readonly preferences: () => string;
    readonly control: (method: string, command: string, body?: unknown) => Promise<void>;
    readonly environment: (more?: Env) => Record<string, string>;
    /** What is not fine. Throws where any of it holds a secret. */
    readonly ailments: (more?: Env) => Promise<readonly Finding[]>;
  };

/** Settings of the environment, and none of a file. */
export const sources = (env: Env): SettingSources => ({ env, file: {}, path: null });
export const json = async (file: string): Promise<unknown> => JSON.parse(await readFile(file, 'utf8'));
/** An address where nobody listens. */
export const nowhere = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`;
export const nowS = (): number => Math.floor(Date.now() / 1_000);

/** Its parts are there in hooks and tests, not while tests are collected. */
export function useDoctorStand(): DoctorStand {
  let started: Started | null = null;
  let made: Made | null = null;
  const there = <T>(part: T | null): T => {
    if (part === null) throw new Error('The stand is started before the tests, not while they are collected');
    return part;
  };

  beforeAll(async () => {
    const server = await startTestRedis({ appendonly: true, password: PASSWORD });
    started = { server, redis: new Redis(server.url), sandbox: await startSandbox() };
  });
  afterAll(async () => {
    const { redis, sandbox, server } = there(started);
    redis.disconnect();
    await sandbox.close();
    await server.stop();
  });
  beforeEach(async () => {
    made = await aHealthyOne(there(started));
  });
  afterEach(() => rm(there(made).dir, { recursive: true, force: true }));

  const stand: DoctorStand = {
    get server() {
      return there(started).server;
    },
    get redis() {
      return there(started).redis;
    },
    get sandbox() {
      return there(started).sandbox;
    },
    get dir() {
      return there(made).dir;
    },
    get voter() {
      return there(made).voter;
    },
    get alias() {
      return there(made).alias;
    },
    secret: (name) => secretIn(stand.dir, name),
    preferences: () => path.join(stand.dir, 'sandbox/owners/owner/user_preferences.txt'),
    control: (method, command, body) => control(stand.sandbox, method, command, body),
    environment: (more = {}) => ({
      PATH: process.env['PATH'] ?? '',
      QUORUM_ENV_FILE: '',
      QUORUM_DATA_DIR: stand.dir,
      REDIS_URL: stand.server.url,
      SNAPSHOT_HUB_URL: `${stand.sandbox.url}/graphql`,
      SNAPSHOT_SEQUENCER_URL: `${stand.sandbox.url}/`,
      SNAPSHOT_API_KEY: HUB_KEY,
      OPENAI_BASE_URL: `${stand.sandbox.url}/v1`,
      OPENAI_API_KEY: MODEL_KEY,
      DECIDER_MODELS: 'careful',
      MODEL_PRICES: 'careful=0.1/0.4',
      ...more,
    }),
    ailments: async (more) => {
      const findings = await examine(sources(stand.environment(more)));
      const secrets = await Promise.all(
        [...Object.values(SECRETS), 'voter/alias.key'].map((name) =>
          readFile(stand.secret(name), 'utf8').catch(() => 'x'.repeat(64)),
        ),
      );
      const told = JSON.stringify(findings);
      for (const text of [...secrets, PASSWORD, encodeURIComponent(PASSWORD), HUB_KEY, MODEL_KEY])
        expect(told).not.toContain(text.trim());
      return findings.filter(({ level }) => level !== 'fine');
    },
  };
  return stand;
}

const secretIn = (dir: string, name: string): string => path.join(dir, 'sandbox/secrets', name);

async function aHealthyOne({ redis, sandbox }: Started): Promise<Made> {
  const dir = await mkdtemp(path.join(tmpdir(), 'quorum-doctor-'));
  await redis.flushall();
  await control(sandbox, 'DELETE', 'faults');
  await control(sandbox, 'PUT', 'world', {
    spaces: [{ id: SPACE, name: 'Harbour' }],
    voting_power: [{ space: SPACE, default: true, vp: 12 }],
    api_keys: [{ key: HUB_KEY, monthly_limit: 1_000 }],
  });
  await ensureSecrets({ dir: secretIn(dir, '') });
  const urls = { sequencerUrl: `${sandbox.url}/`, hubUrl: `${sandbox.url}/graphql` };
  await ensureDemoSigner({ dir: secretIn(dir, ''), owner: OWNER, space: SPACE, ...urls });
  await ensureDemoPreferences(
    demoStore({ PREFERENCES_DIR: path.join(dir, 'sandbox/owners') }, path.join(dir, 'sandbox/secrets'), redis),
    OWNER,
  );
  const entries = z.record(z.string(), z.object({ voter: Address })).parse(await json(secretIn(dir, SIGNERS_FILE)));
  const [entry] = Object.values(entries);
  const [known] = z.array(z.object({ alias: Address })).parse(await aliases(sandbox));
  if (entry === undefined || known === undefined) throw new Error('the demo signer is not there');
  const { voter } = entry;
  const { alias } = known;
  await enableVoting(redis, OWNER);
  await redis.set(keys.mode(), 'sandbox');
  await createRecords(redis).announceSigner(OWNER, { voter, kind: 'alias', alias, allowed_spaces: [SPACE] });
  return { dir, voter, alias };
}

async function aliases(sandbox: Sandbox): Promise<unknown> {
  const query = '{ aliases { alias } }';
  const answer = await fetch(`${sandbox.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  return z.object({ data: z.object({ aliases: z.unknown() }) }).parse(await answer.json()).data.aliases;
}

async function control(sandbox: Sandbox, method: string, command: string, body?: unknown): Promise<void> {
  const answer = await fetch(`${sandbox.url}/_sandbox/${command}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(answer.ok, await answer.text()).toBe(true);
}

export type Case = {
  readonly state: string;
  readonly make?: () => Promise<unknown>;
  readonly env?: () => Env | Promise<Env>;
  /** Puts right what the next test would inherit. */
  readonly mend?: () => Promise<unknown>;
  readonly level: 'broken' | 'warning';
  readonly check: string;
  readonly says: RegExp;
  readonly remedy: RegExp;
  /** What cannot be looked at for that, or is also found for that. */
  readonly also?: readonly string[];
};

/** A test for each case: it is named with its remedy, and nothing else is wrong. */
export function testCases(stand: DoctorStand, cases: readonly Case[]): void {
  test.each(cases)('of $state', async ({ make, env, mend, level, check, says, remedy, also = [] }) => {
    try {
      await make?.();
      const found = await stand.ailments(await env?.());
      expect(found).toContainEqual({
        level,
        check,
        says: expect.stringMatching(says),
        remedy: expect.stringMatching(remedy),
      });
      expect(found.map((finding) => finding.check).toSorted(), 'and nothing else is wrong').toEqual(
        [check, ...also].toSorted(),
      );
    } finally {
      await mend?.();
    }
  });
}
