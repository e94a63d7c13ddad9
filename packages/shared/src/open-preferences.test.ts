/** Which store the operator's setting opens, and what is told of all that happens in it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byHand, PREFERENCES_KEY, useFolder } from '../test/preference-stores.ts';
import { anOwner, listeningLogger, preferences } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { parseConfig, PreferencesConfig } from './config.ts';
import { createMetrics } from './metrics.ts';
import { openPreferences, preferenceDefaults } from './open-preferences.ts';
import { ownerFolder } from './owner-folder.ts';
import { preferencesVersion } from './preferences.ts';
import { keys } from './redis-keys.ts';

const { redis } = useRedis();
const dir = useFolder();

function opened(env: Record<string, string> = {}) {
  const { log, lines } = listeningLogger();
  const metrics = createMetrics('test');
  const PREFERENCES_MAC_KEY_FILE = join(dir(), 'preferences.key');
  writeFileSync(PREFERENCES_MAC_KEY_FILE, PREFERENCES_KEY.toString('hex'), { mode: 0o600 });
  const config = parseConfig(PreferencesConfig, { PREFERENCES_DIR: dir(), PREFERENCES_MAC_KEY_FILE, ...env });
  const store = openPreferences(config, { redis: redis(), log, metrics, defaults: () => preferenceDefaults(config) });
  const told = () => lines.map(({ time: _time, pid: _pid, hostname: _hostname, ...event }) => event);
  return { store, metrics, told };
}

const DEBUG = 20;
const INFO = 30;
const WARN = 40;
const ERROR = 50;

describe('the preference store that is opened', () => {
  it('is one on files in PREFERENCES_DIR, unless PREFERENCES_STORE says redis', async () => {
    const owner = anOwner();
    await opened().store.save(owner, preferences());
    expect(ownerFolder(dir(), owner).read()).toMatchObject({ kind: 'text' });
    expect(await redis().exists(keys.preferences(owner))).toBe(0);

    const other = anOwner();
    await opened({ PREFERENCES_STORE: 'redis' }).store.save(other, preferences());
    expect(await redis().exists(keys.preferences(other))).toBe(1);
    expect(ownerFolder(dir(), other).read()).toEqual({ kind: 'absent' });
  });

  it.for(['file', 'redis'])('on %s gives an owner who said nothing what the operator set', async (kind) => {
    const env = { PREFERENCES_STORE: kind, DEFAULT_CONFIDENCE_THRESHOLD: '0.8', MAX_PROPOSALS_PER_RUN: '7' };
    expect(await opened(env).store.load(anOwner())).toMatchObject({
      kind: 'missing',
      preferences: { confidence_threshold: 0.8, max_proposals_per_run: 7 },
    });
  });

  it('is none on Redis without a key', () => {
    expect(() => opened({ PREFERENCES_STORE: 'redis', PREFERENCES_MAC_KEY_FILE: '' })).toThrow(
      /PREFERENCES_MAC_KEY_FILE/,
    );
  });

  it('is neither, if PREFERENCES_STORE is another word', () => {
    expect(() => opened({ PREFERENCES_STORE: 'files' })).toThrow(/PREFERENCES_STORE/);
  });
});

describe('what is told', () => {
  const SECRET = 'What I stand for is mine alone.';

  it('is one event for each load, save, update and fallback, and never a word of the preferences', async () => {
    const { store, told } = opened();
    const owner = anOwner();
    const defaults = preferencesVersion(preferences());
    await store.load(owner);
    const { version: first } = await store.save(owner, preferences({ instructions: SECRET }));
    const { version: second } = await store.update(owner, 'approval', 'always');
    const { version } = await store.patch(owner, { revise_votes: true });
    await store.load(owner);
    await store.update(owner, 'approval', 'never', { ifVersion: first }).catch(() => undefined);
    await store.patch(owner, { [SECRET]: 1, approval: 'never' }).catch(() => undefined);
    await byHand('file', dir(), redis()).write(owner, `{"instructions": "${SECRET}"`);
    await store.load(owner);

    const fields = Object.keys(preferences({ instructions: SECRET }));
    const where = join(dir(), owner, 'user_preferences.txt');
    expect(told()).toEqual([
      { level: INFO, msg: 'no preferences stored, defaults apply', owner, version: defaults },
      { level: INFO, msg: 'preferences saved', owner, version: first, fields },
      { level: INFO, msg: 'preferences updated', owner, version: second, fields: ['approval'] },
      { level: INFO, msg: 'preferences updated', owner, version, fields: ['revise_votes'] },
      { level: DEBUG, msg: 'preferences loaded', owner, version },
      {
        level: WARN,
        msg: 'preferences not changed',
        owner,
        error: 'VersionConflictError',
        why: expect.stringContaining(version),
        fields: ['approval'],
      },
      { level: WARN, msg: 'preferences not changed', owner, error: 'ValidationError', fields: ['approval'] },
      {
        level: ERROR,
        msg: 'preferences cannot be used',
        owner,
        fault: 'unparsable',
        why: expect.stringContaining(`${where}:1:51: is not JSON`),
        last_good: version,
      },
    ]);
    expect(JSON.stringify(told())).not.toContain(SECRET.slice(0, 12));
  });

  it('is a security event where others may have written them, counted', async () => {
    const { store, metrics, told } = opened({ PREFERENCES_STORE: 'redis' });
    const owner = anOwner();
    await redis().set(keys.preferences(owner), JSON.stringify(preferences({ instructions: SECRET })));
    await store.load(owner);
    expect(told()).toMatchObject([
      { level: ERROR, msg: 'preferences cannot be used', owner, fault: 'foreign', last_good: null },
      { level: ERROR, event: 'preferences_refused', owner },
    ]);
    expect(JSON.stringify(told())).not.toContain(SECRET.slice(0, 12));
    const { values } = await metrics.security.get();
    expect(values.find(({ labels }) => labels.event === 'preferences_refused')?.value).toBe(1);
  });

  it('counts loads by what was found', async () => {
    const { store, metrics } = opened();
    const owner = anOwner();
    await store.load(owner);
    await store.save(owner, preferences());
    for (const _ of [1, 2]) await store.load(owner);
    const hand = byHand('file', dir(), redis());
    await hand.write(owner, '[]');
    await store.load(owner);
    await hand.removeAll(owner);
    await store.load(owner);
    const { values } = await metrics.preferencesLoads.get();
    expect(
      Object.fromEntries(values.filter(({ value }) => value > 0).map(({ labels, value }) => [labels.result, value])),
    ).toEqual({
      missing: 1,
      stored: 2,
      invalid: 1,
      gone: 1,
    });
  });
});
