import { test as property } from '@fast-check/vitest';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countedAs, fitsTrustProxy } from './address.ts';

test.each([
  [[], true],
  [['1'], true],
  [['3'], true],
  [['10.0.0.1', '10.1.0.0/16', 'loopback', 'fd00::/8', '::1'], true],
  [['0'], false],
  [['100'], false],
  [['1', '10.0.0.1'], false],
  [['10.0.0.1', '2'], false],
  [['true'], false],
  [['*'], false],
  [['10.0.0.0/33'], false],
  // That would be everybody.
  [['0.0.0.0/0'], false],
  [['::/0'], false],
  [['10.0.0.0/8/8'], false],
  [['proxy.example'], false],
])('TRUST_PROXY %j: %s', (list, fits) => {
  expect(fitsTrustProxy(list)).toBe(fits);
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2345:6:7:8:9', '2001:db8:1:2300::/56'],
  ['2001:DB8:1:2300::', '2001:db8:1:2300::/56'],
  ['fe80::1%eth0', 'fe80:0:0:0::/56'],
  ['::1', '0:0:0:0::/56'],
  ['1::', '1:0:0:0::/56'],
  ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/56'],
  ['', ''],
])('%s is counted as %s', (address, counted) => {
  expect(countedAs(address)).toBe(counted);
});

const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((all) => Buffer.from(all));
const written = (network: Buffer, rest: Buffer): string =>
  (Buffer.concat([network, rest]).toString('hex').match(/.{4}/g) ?? []).join(':');

property.prop([bytes(7), bytes(7), bytes(9), bytes(9)])(
  'IPv6 addresses are counted together if, and only if, they are of one network of 56 bits',
  (network, other, rest, more) => {
    expect(countedAs(written(network, rest))).toBe(countedAs(written(network, more)));
    const isSame = countedAs(written(network, rest)) === countedAs(written(other, rest));
    expect(isSame).toBe(network.equals(other));
  },
);
