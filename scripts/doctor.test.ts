/**
 * The doctor against real parts, in its time: it neither tells a secret nor changes anything. What it finds is tried beside each of its
 * parts, in `doctor/`.
 */
import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { keys } from '@quorum/shared/redis-keys';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { OWNER, type Env, sources, useDoctorStand } from '../test/doctor-stand.ts';
import { examine } from './doctor/examine.ts';
import { bounded } from './doctor/finding.ts';

const stand = useDoctorStand();

test('finds nothing wrong where nothing is', async () => {
  expect(await stand.ailments()).toEqual([]);
});

describe('npm run doctor', () => {
  function run(args: readonly string[], env: Env): Promise<{ code: number; out: string; err: string }> {
    return new Promise((resolve) => {
      const script = path.join(import.meta.dirname, 'doctor.ts');
      const child = execFile(process.execPath, [script, ...args], { env: stand.environment(env) }, (_error, out, err) =>
        resolve({ code: child.exitCode ?? -1, out, err }),
      );
    });
  }

  test('prints a line a finding with the remedy under it, and ends with 0 where nothing is broken', async () => {
    await stand.redis.del(keys.votingOwner(OWNER));
    const { code, out } = await run([], {});
    expect(code).toBe(0);
    expect(out).toMatch(/^✓ redis +Redis \d/m);
    expect(out).toMatch(/^! voting +it is paused for owner.*\n +→ npm start enables it/m);
    expect(out).toMatch(/\n0 broken, 1 warning, \d+ fine\n$/);
  });

  test('ends in time where everything is silent, with 1, and says so in one line of JSON', async () => {
    const silent: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = z.object({ port: z.number() }).parse(silent.address());
    const at = `http://127.0.0.1:${port}`;
    const began = performance.now();
    try {
      const { code, out } = await run(['--json'], {
        REDIS_URL: `redis://127.0.0.1:${port}`,
        SNAPSHOT_HUB_URL: at,
        SNAPSHOT_SEQUENCER_URL: at,
        OPENAI_BASE_URL: at,
      });
      expect(code).toBe(1);
      expect(out.trimEnd()).not.toContain('\n');
      const { healthy, findings } = z
        .object({
          healthy: z.boolean(),
          findings: z.array(z.object({ check: z.string(), level: z.string(), says: z.string() })),
        })
        .parse(JSON.parse(out));
      expect(healthy).toBe(false);
      for (const check of ['redis', 'hub', 'sequencer', 'model']) {
        expect(findings).toContainEqual({ check, level: 'broken', says: expect.stringMatching(/no answer within/) });
      }
      // Ten seconds a check and what starting a process takes on a busy machine.
      expect(performance.now() - began).toBeLessThan(45_000);
    } finally {
      silent.close();
    }
  });

  test('changes nothing, in Redis or on the disk', async () => {
    await stand.redis.del(keys.mode());
    const seen = async () => {
      const names = (await readdir(stand.dir, { recursive: true })).toSorted();
      const files = await Promise.all(
        names.map(async (name) => [name, (await stat(path.join(stand.dir, name))).mtimeMs]),
      );
      return { files, keys: (await stand.redis.keys('*')).toSorted() };
    };
    const before = await seen();
    await examine(sources(stand.environment()));
    expect(await seen()).toEqual(before);
  });

  test('says what it knows when it does not understand', async () => {
    const { code, err } = await run(['--jsn'], {});
    expect(code).toBe(1);
    expect(err).toMatch(/--jsn.*\n→ npm run doctor -- \[--json\]/);
  });

  test('cuts off a check that does not end', async () => {
    const [only] = await bounded('that', () => new Promise(() => undefined), 10);
    expect(only).toMatchObject({ level: 'broken', check: 'that', says: 'no answer within 0.01 s' });
  });
});
