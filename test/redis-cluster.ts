/**
 * A Redis cluster for one test file: three masters on loopback, each with a third of the slots, and a replica of the one that has our
 * keys, which takes its place where it is killed. Processes of their own in a temporary folder, gone at the end.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { keys } from '@quorum/shared/redis-keys';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { freePort } from '../scripts/ports.ts';
import { findRedis } from '../scripts/redis.mjs';
import { until } from './until.ts';

const SLOTS = 16_384;
const MASTERS = 3;
/** After which a master that says nothing counts as gone. Long enough for a busy machine, short enough for a test. */
const NODE_TIMEOUT_MS = 5_000;

export type ClusterNode = { readonly port: number; readonly redis: Redis };

export type TestCluster = {
  /** Names a master that does not have our keys, and another one to ask where it is away. */
  readonly url: string;
  readonly masters: readonly ClusterNode[];
  /** The master that has our keys at first, and its replica. */
  readonly owner: ClusterNode;
  readonly replica: ClusterNode;
  /** Ends a node as a crash would. */
  readonly kill9: (node: ClusterNode) => Promise<void>;
  readonly stop: () => Promise<void>;
};

type Started = ClusterNode & { readonly bus: number; readonly child: ChildProcess };

export async function startRedisCluster(): Promise<TestCluster> {
  const dir = await mkdtemp(path.join(tmpdir(), 'quorum-cluster-'));
  const nodes: Started[] = [];
  const killAll = (): void => nodes.forEach(({ child }) => child.kill('SIGKILL'));
  // A test run that is ended early must not leave servers behind.
  process.once('exit', killAll);
  const kill9 = async ({ child }: Started): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  const stop = async (): Promise<void> => {
    process.off('exit', killAll);
    for (const node of nodes) node.redis.disconnect();
    await Promise.all(nodes.map(kill9));
    await rm(dir, { recursive: true, force: true });
  };
  try {
    for (let at = 0; at <= MASTERS; at += 1) nodes.push(await startNode(path.join(dir, `${at}`)));
    const masters = nodes.slice(0, MASTERS);
    const [replica] = nodes.slice(MASTERS);
    const slot = z.int().parse(await nodes[0]?.redis.cluster('KEYSLOT', keys.runs()));
    const share = Math.ceil(SLOTS / MASTERS);
    for (const [at, { redis }] of masters.entries()) {
      await redis.cluster('ADDSLOTSRANGE', at * share, Math.min(SLOTS, (at + 1) * share) - 1);
      await redis.cluster('SET-CONFIG-EPOCH', at + 1);
    }
    for (const { port, bus } of nodes.slice(1)) await nodes[0]?.redis.call('CLUSTER', 'MEET', '127.0.0.1', port, bus);
    await everywhere(nodes, 'to know each other', /^cluster_known_nodes:4/m);
    const owner = masters[Math.floor(slot / share)];
    const [stranger, other] = masters.filter((master) => master !== owner);
    if (owner === undefined || replica === undefined || stranger === undefined || other === undefined) {
      throw new Error('The cluster has no nodes');
    }
    await replica.redis.cluster('REPLICATE', z.string().parse(await owner.redis.cluster('MYID')));
    await everywhere(nodes, 'to be whole', /^cluster_state:ok/m);
    await until('the replica to follow', async () => (await replica.redis.info()).includes('master_link_status:up'));
    const url = `redis+cluster://127.0.0.1:${stranger.port}?node=127.0.0.1:${other.port}`;
    return { url, masters, owner, replica, kill9: (node) => kill9(startedOf(nodes, node)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startedOf(nodes: readonly Started[], node: ClusterNode): Started {
  const found = nodes.find(({ port }) => port === node.port);
  if (found === undefined) throw new Error('That is no node of this cluster');
  return found;
}

async function startNode(dir: string): Promise<Started> {
  await mkdir(dir, { recursive: true });
  const [port, bus] = [await freePort(), await freePort()];
  const { command, env } = findRedis();
  const settings = {
    port,
    'cluster-port': bus,
    'cluster-enabled': 'yes',
    'cluster-node-timeout': NODE_TIMEOUT_MS,
    'cluster-require-full-coverage': 'no',
    bind: '127.0.0.1',
    dir,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    'maxmemory-policy': 'noeviction',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'ignore' });
  const redis = new Redis({ port, maxRetriesPerRequest: null });
  redis.on('error', () => undefined); // killed by tests; what they ask says it
  await redis.ping();
  return { port, bus, child, redis };
}

async function everywhere(nodes: readonly Started[], what: string, pattern: RegExp): Promise<void> {
  for (const { redis } of nodes) await until(what, async () => pattern.test(await redis.cluster('INFO')));
}
