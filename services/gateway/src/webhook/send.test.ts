/** One delivery to a real receiver: signed, in time, to no other place than the URL says, and to no private address. */
import { createHmac, randomBytes } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { openDns, openReceiver, openSilentPort, type Receiver } from '../../test/receiver.ts';
import { resolveAny, resolvePublic } from './address.ts';
import { send, type SendDeps } from './send.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function receiver(): Promise<Receiver> {
  const one = await openReceiver();
  closers.push(one.close);
  return one;
}

const NOW_MS = 1_795_000_000_500;
const anywhere: SendDeps = { allowPrivate: true, resolve: resolveAny, timeoutMs: 10_000, now: () => NOW_MS };
const toSend = (url: string) => ({
  url,
  secret: randomBytes(32).toString('hex'),
  id: 'hold_created-1',
  body: '{"é":1}',
});

describe('what a receiver gets', () => {
  test('is the body as it was signed, with the delivery and the time', async () => {
    const { url, got } = await receiver();
    const one = toSend(`${url}?a=b`);
    expect(await send(one, anywhere)).toEqual({ kind: 'delivered' });
    expect(got).toHaveLength(1);
    const [{ path, headers, body } = { path: '', headers: {}, body: '' }] = got;
    expect({ path, body }).toEqual({ path: '/hook?a=b', body: one.body });
    const hex = createHmac('sha256', one.secret).update(`1795000000.${one.body}`).digest('hex');
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'quorum-delivery': one.id,
      'quorum-timestamp': '1795000000',
      'quorum-signature': `v1=${hex}`,
    });
  });

  test('comes to a name too', async () => {
    const { url, got } = await receiver();
    expect(await send(toSend(url.replace('127.0.0.1', 'localhost')), anywhere)).toEqual({ kind: 'delivered' });
    expect(got).toHaveLength(1);
  });
});

describe('what a receiver answers', () => {
  test.each([200, 201, 204, 299])('%i: delivered', async (status) => {
    const one = await receiver();
    one.answer((response) => void response.writeHead(status).end());
    expect(await send(toSend(one.url), anywhere)).toEqual({ kind: 'delivered' });
  });

  test.each([400, 401, 404, 429, 500, 503])('%i: failed, and to be tried again', async (status) => {
    const one = await receiver();
    one.answer((response) => void response.writeHead(status).end('no'));
    expect(await send(toSend(one.url), anywhere)).toEqual({ kind: 'failed', why: `answered ${status}` });
  });

  test('410: it wants no more', async () => {
    const one = await receiver();
    one.answer((response) => void response.writeHead(410).end());
    expect(await send(toSend(one.url), anywhere)).toMatchObject({ kind: 'given_up' });
  });

  test.each([301, 302, 307, 308])('%i: not followed', async (status) => {
    const [one, other] = [await receiver(), await receiver()];
    one.answer((response) => void response.writeHead(status, { location: other.url }).end());
    expect(await send(toSend(one.url), anywhere)).toMatchObject({ kind: 'failed', why: /no redirect/ });
    expect(other.got).toEqual([]);
  });

  test('a body without an end is not read', async () => {
    const one = await receiver();
    const closed = Promise.withResolvers<number>();
    one.answer((response) => {
      let written = 0;
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536;
      };
      response.on('drain', more).on('close', () => closed.resolve(written));
      response.writeHead(200);
      more();
    });
    expect(await send(toSend(one.url), anywhere)).toEqual({ kind: 'delivered' });
    expect(await closed.promise).toBeLessThan(64 * 1_024 * 1_024);
  });

  test('nothing: cut off at the time limit', async () => {
    const one = await receiver();
    one.answer(() => {});
    const began = performance.now();
    expect(await send(toSend(one.url), { ...anywhere, timeoutMs: 300 })).toEqual({
      kind: 'failed',
      why: 'no answer within 0.3 s',
    });
    expect(performance.now() - began).toBeGreaterThanOrEqual(290);
  });

  test('a connection cut, or refused: failed', async () => {
    const silent = await openSilentPort();
    const to = toSend(`http://127.0.0.1:${silent.port}/`);
    expect(await send(to, anywhere)).toEqual({ kind: 'failed', why: 'could not be sent: ECONNRESET' });
    await silent.close();
    expect(await send(to, anywhere)).toEqual({ kind: 'failed', why: 'could not be sent: ECONNREFUSED' });
  });
});

describe('where private addresses are not allowed', () => {
  const ZONE = {
    'loopback.test': ['127.0.0.1'],
    'metadata.test': ['169.254.169.254'],
    'six.test': ['::1'],
    'local.test': ['fd00::1'],
    'mapped.test': ['::ffff:7f00:1'],
    // One public address beside it does not make it public.
    'mixed.test': ['8.8.8.8', '10.0.0.1'],
    'mixed-six.test': ['8.8.8.8', 'fe80::1'],
  } as const;

  test.each(Object.keys(ZONE))('%s is called by nobody', async (name) => {
    const silent = await openSilentPort();
    closers.push(silent.close);
    const dns = await openDns(ZONE);
    closers.push(dns.close);
    const resolver = new Resolver({ timeout: 5_000, tries: 1 });
    resolver.setServers([dns.address]);
    const deps = { ...anywhere, allowPrivate: false, resolve: resolvePublic(resolver) };
    expect(await send(toSend(`https://${name}:${silent.port}/`), deps)).toEqual({
      // Names change: the next try asks for it anew.
      kind: 'failed',
      why: `${name} is not on the public internet`,
    });
    expect(dns.asked).toContain(name);
    expect(silent.connections()).toBe(0);
  });

  test('a name is asked for as the connection is made, each time anew', async () => {
    const dns = await openDns({ 'turns.test': ['10.0.0.1'] });
    closers.push(dns.close);
    const resolver = new Resolver({ timeout: 5_000, tries: 1 });
    resolver.setServers([dns.address]);
    const deps = { ...anywhere, allowPrivate: false, resolve: resolvePublic(resolver) };
    await send(toSend('https://turns.test/'), deps);
    await send(toSend('https://turns.test/'), deps);
    expect(dns.asked.length).toBe(4);
  });

  test('a name that does not exist may exist later', async () => {
    const dns = await openDns({});
    closers.push(dns.close);
    const resolver = new Resolver({ timeout: 5_000, tries: 1 });
    resolver.setServers([dns.address]);
    const deps = { ...anywhere, allowPrivate: false, resolve: resolvePublic(resolver) };
    expect(await send(toSend('https://nowhere.test/'), deps)).toEqual({
      kind: 'failed',
      why: 'could not be sent: ENODATA',
    });
  });

  test.each(['http://hooks.example.org/', 'https://127.0.0.1/', 'https://[::1]/', 'https://2130706433/'])(
    '%s is called by nobody, whenever it was set',
    async (url) => {
      const resolve = (): Promise<never> => Promise.reject(new Error('asked for a name'));
      expect(await send(toSend(url), { ...anywhere, allowPrivate: false, resolve })).toMatchObject({
        kind: 'given_up',
      });
    },
  );
});
