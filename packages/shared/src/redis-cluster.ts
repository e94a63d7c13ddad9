/**
 * A Redis cluster, seen as one Redis. All of our keys are in one slot (`redis-keys.ts`), so all of them are on one of its nodes: a
 * connection finds that node, and is an ordinary connection to it. When the slot moves, or its node is replaced by its replica, the
 * connection is lost or the node says so; then it looks again, like one to a Redis that was restarted.
 *
 *   redis+cluster://HOST:PORT                                any node; the others are learned from it
 *   redis+cluster://HOST:PORT?node=HOST:PORT&node=HOST:PORT  further ones to ask, where the first may be away at start
 *   rediss+cluster://…                                       by TLS
 */
import { createConnection } from 'node:net';
import { connect as connectByTls } from 'node:tls';
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis';
import { z } from 'zod';
import { PREFIXES } from './redis-keys.ts';

const SECOND_MS = 1_000;
const DEFAULT_PORT = 6_379;
/** For how long a stream that was ended may stay open. */
const DISCONNECT_MS = 2 * SECOND_MS;
/** How long one node may take to say where our keys are. */
const ASK_MS = 2 * SECOND_MS;

type Node = { readonly host: string; readonly port: number };
type Login = { readonly username?: string; readonly password?: string; readonly tls?: Record<string, never> };
type Options = Omit<RedisOptions, 'replyMapping'>;

/** What a node says that does not have our keys, or not any more, or cannot say whether it has. Elsewhere, or later, it will do. */
const ELSEWHERE = /^(?:MOVED|READONLY|CLUSTERDOWN|UNBLOCKED|MASTERDOWN)\b/;
const SEND_AGAIN = 2;

/** A connection to the Redis of this URL; of a cluster, to the node that has our keys. */
export function openRedis(url: string, options: Options): Redis {
  const { protocol } = new URL(url);
  return protocol.endsWith('+cluster:') ? new Redis({ ...clusterOptions(url), ...options }) : new Redis(url, options);
}

function clusterOptions(address: string): Options {
  const url = new URL(address);
  const login: Login = {
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol.startsWith('rediss') ? { tls: {} } : {}),
  };
  const seeds = [url.host, ...url.searchParams.getAll('node')].map(nodeOf);
  return {
    ...login,
    Connector: connectorTo(seeds, login),
    // Our command is at the wrong node: it goes to the right one, once that is found.
    reconnectOnError: (error) => (ELSEWHERE.test(error.message) ? SEND_AGAIN : false),
  };
}

function nodeOf(host: string): Node {
  const { hostname, port } = new URL(`redis://${host}`);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? DEFAULT_PORT : Number(port) };
}

/** The connector of one URL: what one connection has learned of the nodes, those that are made from it know too. */
function connectorTo(seeds: readonly Node[], login: Login): NonNullable<RedisOptions['Connector']> {
  let known = seeds;
  return class extends AbstractConnector {
    constructor() {
      super(DISCONNECT_MS);
    }

    override async connect() {
      this.connecting = true;
      const found = await firstAnswer(known, login);
      if (found !== null) known = unique([...seeds, ...found.nodes]);
      if (!this.connecting) throw new Error('Connection is closed.');
      // Where no node answers, there is none to connect to: that fails as it does with one Redis, and is tried again.
      const { host, port } = found?.owner ?? seeds[0] ?? nodeOf('127.0.0.1');
      const stream =
        login.tls === undefined ? createConnection({ host, port }) : connectByTls({ host, port, servername: host });
      stream.once('error', (error) => (this.firstError = error));
      this.stream = stream;
      return stream;
    }
  };
}

type Answer = { readonly owner: Node; readonly nodes: readonly Node[] };

/** Asks all that are known at once: one that is away is not waited for. Null: none knows. */
async function firstAnswer(nodes: readonly Node[], login: Login): Promise<Answer | null> {
  return await Promise.any(nodes.map((node) => ask(node, login))).catch(() => null);
}

/** A node of a slot: its address, which is empty where it is that of the node that was asked, and its port. */
const SlotNode = z.tuple([z.string().nullable(), z.int()], z.unknown());
const Slots = z.array(z.tuple([z.int(), z.int(), SlotNode], SlotNode));

async function ask(node: Node, login: Login): Promise<Answer> {
  const redis = new Redis({
    ...node,
    ...login,
    lazyConnect: true,
    connectTimeout: ASK_MS,
    commandTimeout: ASK_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined); // what fails says it
  try {
    await redis.connect();
    const slot = z.int().parse(await redis.cluster('KEYSLOT', PREFIXES.all));
    const slots = Slots.parse(await redis.cluster('SLOTS'));
    const at = ([host, port]: z.infer<typeof SlotNode>): Node => ({
      host: host === null || host === '' || host === '?' ? node.host : host,
      port,
    });
    const ours = slots.find(([first, last]) => first <= slot && slot <= last);
    if (ours === undefined) throw new Error('No node of the cluster has the slot of our keys');
    return { owner: at(ours[2]), nodes: slots.flatMap(([, , ...all]) => all.map(at)) };
  } finally {
    redis.disconnect();
  }
}

function unique(nodes: readonly Node[]): Node[] {
  return [...new Map(nodes.map((node) => [`${node.host} ${node.port}`, node])).values()];
}
