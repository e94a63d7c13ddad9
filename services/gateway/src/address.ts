/**
 * Where a request comes from. Without trusted proxies that is the other end of its connection, and no header changes it: whoever
 * sends X-Forwarded-For may write what they like into it.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Express, Request } from 'express';

/** Names of express for the addresses that are never out on the net. */
const NAMED = ['loopback', 'linklocal', 'uniquelocal'];
const HOPS = /^[1-9]\d?$/;
const PREFIX = /^\d{1,3}$/;

/** Whether this is a number of proxies, or addresses, networks and names of networks. */
export function fitsTrustProxy(list: readonly string[]): boolean {
  const [first, ...more] = list;
  if (first !== undefined && HOPS.test(first)) return more.length === 0;
  return list.every((entry) => NAMED.includes(entry) || isNetwork(entry));
}

function isNetwork(entry: string): boolean {
  const [address = '', prefix, ...more] = entry.split('/');
  const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0;
  if (bits === 0 || more.length > 0) return false;
  return prefix === undefined || (PREFIX.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= bits);
}

/** Has the application believe what these proxies say of whom they ask for; none: nobody. */
export function trustProxies(app: Express, list: readonly string[]): void {
  const [first] = list;
  const value = first === undefined ? false : HOPS.test(first) ? Number(first) : [...list];
  app.set('trust proxy', value);
}

/** One line for one customer: of IPv6 they have a whole network, of which they could send each request from another address. */
const IPV6_BITS = 56;

/** The address to count a request by. A proxy that writes no address into the header is itself the one. */
export function addressOf(request: Request): string {
  const said = request.ip ?? '';
  return countedAs(isIPv4(said) || isIPv6(said) ? said : (request.socket.remoteAddress ?? ''));
}

/** An IPv4 address as it is, an IPv6 address as its network. */
export function countedAs(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  return isIPv6(address) ? networkOf(address) : address;
}

/** The first 56 bits, in groups of 16 as hex. */
function networkOf(address: string): string {
  // The one notation of an address, without zone and with a dotted end written in hex.
  const [bare = ''] = address.split('%');
  const written = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  const [head = '', tail] = written.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const missing = tail === undefined ? 0 : 8 - left.length - right.length;
  const all = [...left, ...Array.from({ length: missing }, () => '0'), ...right];
  const kept = all.slice(0, 4).map((group, at) => {
    const bits = Math.min(16, IPV6_BITS - 16 * at);
    return ((Number.parseInt(group, 16) >> (16 - bits)) << (16 - bits)).toString(16);
  });
  return `${kept.join(':')}::/${IPV6_BITS}`;
}
