/** The voter service as processes of its own, which have the keys of some votes. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { EON_PUBLIC_KEY } from '../../../packages/sandbox/src/sequencer/shutter-keys.ts';
import { startChild, type Child } from '../../../scripts/child.ts';
import type { Stand, VoteCase } from './stand.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const REPLICAS = fileURLToPath(new URL('replicas-process.ts', import.meta.url));

/** One voter of those that a process votes for. */
export type Signing = Pick<VoteCase, 'owner' | 'voter' | 'deps'> & { readonly spaces: readonly string[] };

/** What a process that votes for all of these is started with. They have their keys in common. */
export async function settingsFor(stand: Stand, signing: readonly Signing[]): Promise<NodeJS.ProcessEnv> {
  const [first] = signing;
  if (first === undefined) throw new Error('nobody votes');
  const { deciderKey, voterKey, answerKey } = first.deps;
  const write = async (name: string, text: string): Promise<string> => {
    const file = path.join(stand.dir(), first.owner, name);
    await writeFile(file, text, { mode: 0o600 });
    return file;
  };
  const entries = signing.map(({ owner, voter, spaces }) => {
    const keyFile = path.join(stand.dir(), owner, 'signer.key');
    return [owner, { voter, kind: 'alias', key_file: keyFile, allowed_spaces: spaces, votes_per_day: 10_000 }];
  });
  return {
    ...process.env,
    REDIS_URL: stand.server().url,
    SNAPSHOT_HUB_URL: `${stand.sandbox().url}/graphql`,
    SNAPSHOT_SEQUENCER_URL: `${stand.sandbox().url}/`,
    PREFERENCES_DIR: stand.dir(),
    SIGNERS_FILE: await write('signers.json', JSON.stringify(Object.fromEntries(entries))),
    DECIDER_MAC_KEY_FILE: await write('decider.mac', deciderKey.toString('hex')),
    VOTER_MAC_KEY_FILE: await write('voter.mac', voterKey.toString('hex')),
    HOLD_MAC_KEY_FILE: await write('hold.mac', answerKey.toString('hex')),
    SHUTTER_EON_PUBLIC_KEY: EON_PUBLIC_KEY,
    METRICS_PORT: '0',
    // What upstreams were asked, and the faults that were set for it, are those of the test.
    UPSTREAM_PING_S: '0',
    JOB_LOCK_S: '1',
    LOG_LEVEL: 'info',
  };
}

/** Starts the service, and waits until it serves. Whoever starts it sees to its end. */
export async function startVoterProcess(stand: Stand, env: NodeJS.ProcessEnv): Promise<Child> {
  const child = spawnVoter(stand, env, [MAIN]);
  await child.ready;
  return child;
}

/** Starts a process in which the service runs several times over, and waits until each of them serves. */
export async function startReplicas(stand: Stand, env: NodeJS.ProcessEnv, replicas: number): Promise<Child> {
  const child = spawnVoter(stand, env, [REPLICAS, `${replicas}`]);
  await child.ready;
  return child;
}

/** Starts the service and waits for nothing. */
export function spawnVoter(stand: Stand, env: NodeJS.ProcessEnv, args: readonly string[] = [MAIN]): Child {
  return startChild({
    name: 'voter',
    cwd: ROOT,
    args,
    env,
    logFile: path.join(stand.dir(), 'voter.log'),
    onLine: () => undefined,
  });
}
