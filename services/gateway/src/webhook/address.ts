/**
 * Where a notice may go: to an address of the public internet, and to no other. A webhook's URL is an owner's word, and the gateway
 * stands inside a network: without this it would call its neighbours, or a cloud's metadata service, for whoever asks.
 *
 * A name is resolved as the connection is made, and the very addresses that were looked at are connected to, so that a name which
 * means something else a moment later (DNS rebinding) gains nothing.
 */
import type { LookupAddress } from 'node:dns';
import { lookup, type Resolver } from 'node:dns/promises';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Not of the public internet, by the registries of IANA; the last is a cloud's own service on an address that looks public. */
const NOT_PUBLIC_V4 = blockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['168.63.129.16', 32],
]);
/** Of IPv6 only what is given out: mapped, link-local, local and multicast addresses all lie outside. */
const GIVEN_OUT_V6 = blockList('ipv6', [['2000::', 3]]);
/** Inside it: tunnels, which lead to any IPv4 address, and what is for documents. */
const NOT_PUBLIC_V6 = blockList('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]);

function blockList(family: 'ipv4' | 'ipv6', ranges: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [address, bits] of ranges) list.addSubnet(address, bits, family);
  return list;
}

/** Whether an IP address is one of the public internet. */
export function isPublic(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !NOT_PUBLIC_V4.check(address, 'ipv4');
    case 6:
      return GIVEN_OUT_V6.check(address, 'ipv6') && !NOT_PUBLIC_V6.check(address, 'ipv6');
    default:
      return false;
  }
}

const URL_MOST = 2_048;

/** What is wrong with the URL of a webhook, in words; null: nothing that can be told without asking for its name. */
export function urlFault(text: string, allowPrivate: boolean): string | null {
  const url = URL.parse(text);
  if (url === null || text.length > URL_MOST) return `must be a URL of at most ${URL_MOST} characters`;
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:')) return 'must begin with https://';
  if (url.username !== '' || url.password !== '') return 'must hold no user name and no password';
  if (url.hash !== '') return 'must have no part behind a #';
  const host = hostOf(url);
  if (!allowPrivate && isIP(host) !== 0 && !isPublic(host)) return 'must not name a private address';
  return null;
}

/** The host of a URL; an IPv6 address without its brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(?<address>.*)\]$/, '$<address>');
}

/** Thrown instead of connecting: the name means an address that is not public. */
export class PrivateAddressError extends Error {
  constructor(host: string) {
    super(`${host} is not on the public internet`);
    this.name = 'PrivateAddressError';
  }
}

/** The addresses of a name, or an error. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** As any program of this machine would resolve it, its hosts file included: for receivers in the same network. */
export const resolveAny: Resolve = (host) => lookup(host, { all: true });

/**
 * Public addresses alone, asked of DNS servers: names of this machine and its network mean nothing here, and one that resolves
 * slowly takes none of the few threads of the process. One address that is not public spoils the name.
 */
export function resolvePublic(resolver: Pick<Resolver, 'resolve4' | 'resolve6'>): Resolve {
  return async (host) => {
    const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const found: LookupAddress[] = [];
    if (four.status === 'fulfilled') found.push(...four.value.map((address) => ({ address, family: 4 })));
    if (six.status === 'fulfilled') found.push(...six.value.map((address) => ({ address, family: 6 })));
    if (found.length === 0 && four.status === 'rejected') throw four.reason;
    if (!found.every(({ address }) => isPublic(address))) throw new PrivateAddressError(host);
    return found;
  };
}

/** A resolver as a socket asks for one. */
export function lookupBy(resolve: Resolve): LookupFunction {
  return (...asked) => void tell(resolve, ...asked);
}

async function tell(resolve: Resolve, ...[host, { all }, callback]: Parameters<LookupFunction>): Promise<void> {
  const found = await resolve(host).catch((error: unknown) =>
    error instanceof Error ? error : new Error(String(error)),
  );
  if (found instanceof Error) return callback(found, []);
  const [first] = found;
  if (first === undefined) return callback(new Error(`${host} has no address`), []);
  return all === true ? callback(null, [...found]) : callback(null, first.address, first.family);
}
