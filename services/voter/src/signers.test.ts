import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { encryptKeystoreJson, Wallet } from 'ethers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseConfig } from '@quorum/shared/config';
import { loadLicences, type Licence, type SignersOptions } from './signers.ts';
import { SignersConfig } from './signers-config.ts';

const SANDBOX: SignersOptions = { live: false, allowMainKey: false };
const LIVE: SignersOptions = { live: true, allowMainKey: false };
const main = new Wallet(Wallet.createRandom().privateKey);
const alias = new Wallet(Wallet.createRandom().privateKey);

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-signers-'));
  await secret('alias.key', alias.privateKey.slice(2));
  await secret('main.key', main.privateKey);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function secret(name: string, text: string): Promise<void> {
  await writeFile(path.join(dir, name), text, { mode: 0o600 });
}

async function load(file: unknown, options = SANDBOX): Promise<ReadonlyMap<string, Licence>> {
  await secret('signers.json', typeof file === 'string' ? file : JSON.stringify(file));
  return loadBy({ SIGNERS_FILE: path.join(dir, 'signers.json') }, options);
}

/** Loads what these variables name. */
async function loadBy(
  env: Readonly<Record<string, string>>,
  { live, allowMainKey } = SANDBOX,
): Promise<ReadonlyMap<string, Licence>> {
  return loadLicences(parseConfig(SignersConfig, { ...env, ALLOW_MAIN_KEY: allowMainKey ? '1' : '0' }), live);
}

const entry = { voter: main.address, kind: 'alias', key_file: 'alias.key', allowed_spaces: ['harbour.eth'] };

describe('signers.json', () => {
  test('licenses its owners; an address in lower case is the same address', async () => {
    const licences = await load({ ada: { ...entry, voter: main.address.toLowerCase() } });
    expect(licences.get('ada')).toMatchObject({
      owner: 'ada',
      voter: main.address,
      kind: 'alias',
      allowedSpaces: ['harbour.eth'],
      votesPerDay: 50,
      signer: { address: alias.address },
    });
  });

  test.each(['correct horse', `{"a": ${alias.privateKey}}`])('that is a secret instead is not quoted', async (text) => {
    const error: unknown = await load(text).catch((thrown: unknown) => thrown);
    // Ten characters are what an error of JSON.parse shows of what it read.
    for (let at = 0; at + 8 <= text.length; at += 1) expect(inspect(error)).not.toContain(text.slice(at, at + 8));
  });

  test('with nobody in it licenses nobody', async () => {
    expect((await load({})).size).toBe(0);
  });

  test('gives two owners the same voter in two spaces', async () => {
    const both = { ada: entry, bo: { ...entry, allowed_spaces: ['other.eth'] } };
    expect((await load(both)).size).toBe(2);
  });

  test('takes the voter’s own key where that is allowed', async () => {
    const own = { ada: { ...entry, kind: 'own_key', key_file: 'main.key' } };
    expect((await load(own, { live: false, allowMainKey: true })).get('ada')?.signer.address).toBe(main.address);
  });

  const keystore = { keystore_file: 'keystore.json', passphrase_file: 'passphrase' };
  const { key_file: _, ...withoutKey } = entry;
  const refusals: readonly [string, unknown, typeof SANDBOX, RegExp][] = [
    [
      'one voter and space for two owners',
      { ada: entry, bo: { ...entry, voter: main.address.toLowerCase() } },
      SANDBOX,
      /One owner per voter/,
    ],
    ['an unknown field', { ada: { ...entry, alowed_spaces: [] } }, SANDBOX, /alowed_spaces/],
    ['a space that is no ENS name', { ada: { ...entry, allowed_spaces: ['Harbour.eth'] } }, SANDBOX, /ENS/],
    ['no space', { ada: { ...entry, allowed_spaces: [] } }, SANDBOX, /allowed_spaces/],
    ['an owner’s name that is none', { 'Ada Lovelace': entry }, SANDBOX, /does not fit/],
    [
      'an address with a wrong checksum',
      {
        ada: {
          ...entry,
          voter:
            main.address.replace(/[a-f]/, (c) => c.toUpperCase()) === main.address
              ? '0x12'
              : main.address.replace(/[a-f]/, (c) => c.toUpperCase()),
        },
      },
      SANDBOX,
      /voter/,
    ],
    ['no votes a day', { ada: { ...entry, votes_per_day: 0 } }, SANDBOX, /votes_per_day/],
    [
      'an alias with the key of the voter',
      { ada: { ...entry, key_file: 'main.key' } },
      SANDBOX,
      /does not fit kind alias/,
    ],
    [
      'an own key that is another’s',
      { ada: { ...entry, kind: 'own_key' } },
      { live: false, allowMainKey: true },
      /does not fit kind own_key/,
    ],
    [
      'an own key without leave',
      { ada: { ...entry, kind: 'own_key', key_file: 'main.key' } },
      SANDBOX,
      /ALLOW_MAIN_KEY=1/,
    ],
    ['a plain key with a live sequencer', { ada: entry }, LIVE, /not encrypted/],
    ['no key at all', { ada: withoutKey }, SANDBOX, /needs either key_file/],
    ['two keys', { ada: { ...entry, ...keystore } }, SANDBOX, /needs either key_file/],
    [
      'a keystore without its passphrase',
      { ada: { ...withoutKey, keystore_file: 'keystore.json' } },
      SANDBOX,
      /needs either key_file/,
    ],
    ['a key file that is not there', { ada: { ...entry, key_file: 'gone.key' } }, SANDBOX, /gone\.key cannot be read/],
    ['what is no JSON', '{', SANDBOX, /signers\.json:1:2: is not JSON/],
    [
      'an owner who stands in it twice',
      `{"ada": ${JSON.stringify(entry)},\n "ada": ${JSON.stringify({ ...entry, allowed_spaces: ['other.eth'] })}}`,
      SANDBOX,
      /signers\.json:2:2: ada stands here twice/,
    ],
    [
      'a limit that stands in it twice',
      JSON.stringify({ ada: entry }).replace('}}', ',"votes_per_day":5,"votes_per_day":500}}'),
      SANDBOX,
      /ada\.votes_per_day stands here twice/,
    ],
    ['a list', [], SANDBOX, /must be an object/],
    ['what is no owner', { Ada: entry }, SANDBOX, /does not fit/],
  ];
  test.each(refusals)('is refused with %s', async (_what, file, options, why) => {
    await expect(load(file, options)).rejects.toMatchObject({
      category: 'signing',
      message: expect.stringMatching(why),
    });
  });

  test('is refused where it is missing', async () => {
    await expect(loadBy({ SIGNERS_FILE: path.join(dir, 'none.json') })).rejects.toMatchObject({ category: 'signing' });
  });

  test('with a space named twice allows it once', async () => {
    const licences = await load({ ada: { ...entry, allowed_spaces: ['harbour.eth', 'harbour.eth'] } });
    expect(licences.get('ada')?.allowedSpaces).toEqual(['harbour.eth']);
  });

  test.each([0o620, 0o602, 0o666])('is refused where others can write it (%o)', async (mode) => {
    const file = path.join(dir, 'signers.json');
    await secret('signers.json', JSON.stringify({ ada: entry }));
    await chmod(file, mode);
    await expect(loadBy({ SIGNERS_FILE: file })).rejects.toMatchObject({
      category: 'signing',
      message: expect.stringContaining(`chmod go-w ${file}`),
    });
  });

  test.each([0o640, 0o604, 0o660, 0o644])('is refused with a key file of mode %o', async (mode) => {
    await chmod(path.join(dir, 'alias.key'), mode);
    await expect(load({ ada: entry })).rejects.toThrow(/Others can read/);
  });

  test.each(['zz', '00'.repeat(32), 'ff'.repeat(32), 'ab'.repeat(31)])(
    'is refused with the key %s, which it never prints',
    async (key) => {
      await secret('alias.key', key);
      const refused: unknown = await load({ ada: entry }).catch((error: unknown) => error);
      expect(refused).toMatchObject({ category: 'signing' });
      expect(inspect(refused, { depth: 9 })).not.toContain(key);
    },
  );
});

describe('a keystore', () => {
  const file = {
    ada: {
      voter: main.address,
      kind: 'alias',
      keystore_file: 'keystore.json',
      passphrase_file: 'passphrase',
      allowed_spaces: ['harbour.eth'],
    },
  };
  beforeEach(async () => {
    // A light scrypt: what is tested is not how slow it is.
    const json = await encryptKeystoreJson({ address: alias.address, privateKey: alias.privateKey }, 'open sesame', {
      scrypt: { N: 2, r: 1, p: 1 },
    });
    await secret('keystore.json', json);
    await secret('passphrase', 'open sesame\n');
  });

  test('is opened with its passphrase, with a live sequencer too', async () => {
    expect((await load(file, LIVE)).get('ada')?.signer.address).toBe(alias.address);
  });

  test('stays shut with another one, and the error holds neither', async () => {
    await secret('passphrase', 'open barley');
    const refused: unknown = await load(file, LIVE).catch((error: unknown) => error);
    expect(refused).toMatchObject({ category: 'signing' });
    const text = inspect(refused, { depth: 9 });
    expect(text).not.toContain('open barley');
    expect(text).not.toContain('ciphertext');
  });

  test('is refused where others can read it or its passphrase', async () => {
    await chmod(path.join(dir, 'passphrase'), 0o640);
    await expect(load(file, LIVE)).rejects.toThrow(/Others can read/);
    await chmod(path.join(dir, 'passphrase'), 0o600);
    await chmod(path.join(dir, 'keystore.json'), 0o644);
    await expect(load(file, LIVE)).rejects.toThrow(/Others can read/);
  });

  test('that is damaged is refused', async () => {
    await secret('keystore.json', '{"version":3}');
    await expect(load(file, LIVE)).rejects.toMatchObject({ category: 'signing' });
  });
});

describe('the variables of a single owner', () => {
  let single: Record<string, string>;
  beforeEach(async () => {
    const json = await encryptKeystoreJson({ address: alias.address, privateKey: alias.privateKey }, 'open sesame', {
      scrypt: { N: 2, r: 1, p: 1 },
    });
    await secret('keystore.json', json);
    await secret('passphrase', 'open sesame\n');
    single = {
      VOTER_ADDRESS: main.address,
      SIGNER_KEYSTORE_FILE: path.join(dir, 'keystore.json'),
      SIGNER_PASSPHRASE_FILE: path.join(dir, 'passphrase'),
      ALLOWED_SPACES: 'harbour.eth, other.eth,harbour.eth',
    };
  });

  test('license that owner, by an alias and with 50 votes a day unless they say otherwise', async () => {
    const voter = main.address;
    const floor = {
      owner: 'owner',
      voter,
      kind: 'alias',
      votesPerDay: 50,
      allowedSpaces: ['harbour.eth', 'other.eth'],
    };
    expect((await loadBy(single, LIVE)).get('owner')).toMatchObject(floor);
    const said = { ...single, OWNER_ID: 'ada', VOTES_PER_DAY: '3', SIGNER_KIND: 'alias' };
    expect((await loadBy(said, LIVE)).get('ada')).toMatchObject({ ...floor, owner: 'ada', votesPerDay: 3 });
  });

  test('stand beside the owners of signers.json', async () => {
    await secret('signers.json', JSON.stringify({ ada: { ...entry, allowed_spaces: ['third.eth'] } }));
    const licences = await loadBy({ ...single, SIGNERS_FILE: path.join(dir, 'signers.json') });
    expect([...licences.keys()].toSorted()).toEqual(['ada', 'owner']);
  });

  test('are refused for an owner who is in signers.json too, with what to take out', async () => {
    await secret('signers.json', JSON.stringify({ owner: { ...entry, allowed_spaces: ['third.eth'] } }));
    const both = loadBy({ ...single, SIGNERS_FILE: path.join(dir, 'signers.json') });
    await expect(both).rejects.toMatchObject({
      category: 'signing',
      message: expect.stringMatching(/Take owner out of the file, or unset VOTER_ADDRESS, .*ALLOWED_SPACES/),
    });
  });

  test('are refused for the voter and space of an owner in signers.json', async () => {
    const other = { ada: { ...entry, voter: main.address.toLowerCase(), allowed_spaces: ['other.eth'] } };
    await secret('signers.json', JSON.stringify(other));
    const both = loadBy({ ...single, SIGNERS_FILE: path.join(dir, 'signers.json') });
    await expect(both).rejects.toThrow(/owner and ada both vote as 0x\w+ in other\.eth/);
  });

  test.each(['VOTER_ADDRESS', 'SIGNER_KEYSTORE_FILE', 'SIGNER_PASSPHRASE_FILE', 'ALLOWED_SPACES'])(
    'are refused without %s, which the error names',
    async (name) => {
      const { [name]: _left, ...rest } = single;
      await expect(loadBy(rest)).rejects.toMatchObject({
        category: 'signing',
        message: expect.stringMatching(new RegExp(`without ${name}: set all of them, or none`)),
      });
    },
  );

  test.each([
    ['VOTES_PER_DAY', '5'],
    ['SIGNER_KIND', 'alias'],
  ])('are refused where %s stands alone', async (name, value) => {
    await secret('signers.json', '{}');
    const alone = loadBy({ SIGNERS_FILE: path.join(dir, 'signers.json'), [name]: value });
    await expect(alone).rejects.toThrow(/without VOTER_ADDRESS, SIGNER_KEYSTORE_FILE/);
  });

  test.each([
    ['VOTER_ADDRESS', '0x12'],
    ['ALLOWED_SPACES', 'Harbour.eth'],
    ['ALLOWED_SPACES', ' , '],
    ['VOTES_PER_DAY', '0'],
    ['SIGNER_KIND', 'main'],
  ])('are refused where %s is %j', async (name, value) => {
    await expect(loadBy({ ...single, [name]: value })).rejects.toThrow(name);
  });

  test('neither set nor SIGNERS_FILE: refused, with what to set', async () => {
    await expect(loadBy({})).rejects.toThrow(/set SIGNERS_FILE, or for a single owner VOTER_ADDRESS/);
  });

  test('take the voter’s own key only by leave', async () => {
    const own = { ...single, SIGNER_KIND: 'own_key' };
    await expect(loadBy(own, LIVE)).rejects.toThrow(/ALLOW_MAIN_KEY=1/);
    await expect(loadBy(own, { live: true, allowMainKey: true })).rejects.toThrow(/does not fit kind own_key/);
  });
});

test('nothing that prints or serialises a licence shows its key', async () => {
  const licence = (await load({ ada: entry })).get('ada');
  const text = `${JSON.stringify(licence)} ${inspect(licence, { depth: 9, showHidden: true })}`;
  expect(text).toContain(alias.address);
  expect(text.toLowerCase()).not.toContain(alias.privateKey.slice(2));
});
