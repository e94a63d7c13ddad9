/** Which addresses are of the public internet, and what a webhook's URL may be. */
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { isPublic, urlFault } from './address.ts';

describe('an address that is not public', () => {
  test.each([
    ['this host', '0.0.0.0'],
    ['this network', '0.1.2.3'],
    ['loopback', '127.0.0.1'],
    ['all of loopback', '127.255.255.254'],
    ['private', '10.0.0.1'],
    ['private', '172.16.0.1'],
    ['private, its end', '172.31.255.255'],
    ['private', '192.168.1.1'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['its end', '100.127.255.255'],
    ['metadata of clouds', '169.254.169.254'],
    ['metadata of Alibaba', '100.100.100.200'],
    ['metadata of Azure', '168.63.129.16'],
    ['metadata of Oracle', '192.0.0.192'],
    ['benchmarks', '198.18.0.1'],
    ['documents', '203.0.113.5'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['mapped loopback', '::ffff:127.0.0.1'],
    ['mapped, in hex', '::ffff:7f00:1'],
    ['mapped public', '::ffff:8.8.8.8'],
    ['compatible', '::7f00:1'],
    ['NAT64', '64:ff9b::7f00:1'],
    ['unique local', 'fd00::1'],
    ['metadata of AWS', 'fd00:ec2::254'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['multicast', 'ff02::1'],
    ['6to4 to loopback', '2002:7f00:1::1'],
    ['Teredo', '2001:0:7f00:1::1'],
    ['documents', '2001:db8::1'],
    ['no address', 'localhost'],
    ['nothing', ''],
  ])('%s: %s', (_what, address) => {
    expect(isPublic(address)).toBe(false);
  });

  test.each(['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.1', '100.63.255.255', '100.128.0.1', '11.0.0.1'])(
    'but %s is',
    (address) => {
      expect(isPublic(address)).toBe(true);
    },
  );

  test('but 2606:4700:4700::1111 is', () => {
    expect(isPublic('2606:4700:4700::1111')).toBe(true);
  });

  property.prop([fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)])(
    'none is that begins as private networks, loopback or multicast do',
    (a, b, c, d) => {
      const isPrivate =
        [0, 10, 127].includes(a) ||
        a >= 224 ||
        (a === 172 && b >= 16 && b < 32) ||
        (a === 192 && b === 168) ||
        (a === 169 && b === 254) ||
        (a === 100 && b >= 64 && b < 128);
      if (isPrivate) expect(isPublic(`${a}.${b}.${c}.${d}`)).toBe(false);
      // However it is written, a mapped address is none of IPv6's own.
      expect(isPublic(`::ffff:${a}.${b}.${c}.${d}`)).toBe(false);
    },
  );
});

describe('the URL of a webhook', () => {
  test.each([
    'https://hooks.example.org/quorum?key=1',
    'https://hooks.example.org:8443/',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'https://localhost.example.org/',
  ])('may be %s', (url) => {
    expect(urlFault(url, false)).toBeNull();
  });

  test.each([
    ['http://hooks.example.org/', /https/],
    ['ftp://hooks.example.org/', /https/],
    ['hooks.example.org', /must be a URL/],
    ['', /must be a URL/],
    [`https://hooks.example.org/${'a'.repeat(2_048)}`, /2048/],
    ['https://user:word@hooks.example.org/', /password/],
    ['https://user@hooks.example.org/', /user name/],
    ['https://hooks.example.org/#part', /#/],
    ['https://127.0.0.1/', /private/],
    ['https://2130706433/', /private/],
    ['https://0x7f.1/', /private/],
    ['https://127.1/', /private/],
    ['https://[::1]/', /private/],
    ['https://[::ffff:169.254.169.254]/', /private/],
    ['https://169.254.169.254/latest/meta-data', /private/],
  ])('may not be %s', (url, why) => {
    expect(urlFault(url, false)).toMatch(why);
  });

  test('may be private, and without TLS, where that is allowed; but hold no password', () => {
    expect(urlFault('http://127.0.0.1:8080/', true)).toBeNull();
    expect(urlFault('http://receiver/', true)).toBeNull();
    expect(urlFault('http://a:b@receiver/', true)).not.toBeNull();
    expect(urlFault('file:///etc/passwd', true)).not.toBeNull();
  });
});
