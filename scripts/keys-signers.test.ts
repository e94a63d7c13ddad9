/** `npm run keys -- keystore` and `-- alias`, as an operator runs them, with a main wallet that signs what is printed. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSandbox, type Sandbox } from '@quorum/sandbox/start-sandbox';
import { readSignerEntries } from '@quorum/voter/signer-entry';
import { SignersConfig } from '@quorum/voter/signers-config';
import { encryptKeystoreJson, Signature, TypedDataEncoder, Wallet } from 'ethers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { signAlias } from './keys-alias.ts';
import { makeKeystore } from './keys-keystore.ts';
import { operatorOf } from './operator.ts';
import { writeOnce } from './secrets.ts';
import type { Subcommand } from './subcommand.ts';

const SCRIPT = path.join(import.meta.dirname, 'keys.ts');
const DAY_S = 24 * 60 * 60;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

let dir: string;
let main: Wallet;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-keystore-'));
  main = new Wallet(Wallet.createRandom().privateKey);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

type Run = { readonly code: number; readonly out: string; readonly err: string };

const commands: Readonly<Record<string, Subcommand>> = { keystore: makeKeystore, alias: signAlias };

const environment = (): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  QUORUM_ENV_FILE: '',
  QUORUM_SECRETS_DIR: dir,
  SNAPSHOT_HUB_URL: `${sandbox.url}/graphql`,
  SNAPSHOT_SEQUENCER_URL: `${sandbox.url}/`,
});

/** Runs a command in this process: a process of its own takes a second of CPU. */
async function run([name = '', ...args]: readonly string[]): Promise<Run> {
  const said = { out: '', err: '' };
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((said.out += String(text)), true));
  const err = vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((said.err += String(text)), true));
  try {
    await commands[name]?.run(operatorOf(environment()), args);
    return { code: 0, ...said };
  } catch (error) {
    return { code: 1, out: said.out, err: `${said.err}${error instanceof Error ? error.message : String(error)}` };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}

/** Runs it as the operator does. */
function spawned(args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [SCRIPT, ...args], { env: environment() }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

/** The signer of an owner with an alias, as the command makes it but with a passphrase that is quickly tried. */
async function quickSigner(owner = 'ada'): Promise<void> {
  const { address, privateKey } = Wallet.createRandom();
  const json = await encryptKeystoreJson({ address, privateKey }, 'open sesame', { scrypt: { N: 2, r: 1, p: 1 } });
  await writeOnce(path.join(dir, 'voter/keystore.json'), json);
  await writeOnce(path.join(dir, 'voter/passphrase'), 'open sesame');
  const files = { keystore_file: 'keystore.json', passphrase_file: 'passphrase' };
  const entry = { voter: main.address, kind: 'alias', ...files, allowed_spaces: ['harbour.eth'] };
  await writeOnce(signersFile(), JSON.stringify({ [owner]: entry }));
}

const keystore = (owner = 'ada', ...more: string[]): Promise<Run> =>
  run(['keystore', '--owner', owner, '--voter', main.address, '--space', 'harbour.eth', ...more]);

const signersFile = (): string => path.join(dir, 'voter/signers.json');

const owners = async (): Promise<string[]> =>
  Object.keys(z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(signersFile(), 'utf8'))));

const TypedData = z.object({
  domain: z.object({ name: z.string(), version: z.string() }),
  types: z.record(z.string(), z.array(z.object({ name: z.string(), type: z.string() }))),
  primaryType: z.string(),
  message: z.object({ from: z.string(), alias: z.string(), timestamp: z.number() }),
});

/** What was printed, and the signature of this wallet under it, taken as eth_signTypedData_v4 does. */
async function sign(printed: string, wallet: Wallet): Promise<{ data: z.infer<typeof TypedData>; signature: string }> {
  const data = TypedData.parse(JSON.parse(printed));
  const { EIP712Domain: _domain, ...types } = data.types;
  return { data, signature: await wallet.signTypedData(data.domain, types, data.message) };
}

async function control(method: string, command: string, body?: unknown): Promise<void> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(`${sandbox.url}/_sandbox/${command}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...init,
  });
  expect(answer.ok).toBe(true);
}

describe('npm run keys -- keystore', () => {
  test('makes an encrypted alias key, in folders and files for their owner alone, and prints neither key nor passphrase', async () => {
    const made = await keystore('ada', '--space', 'other.eth', '--votes-per-day', '7');
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining('npm run keys -- alias --owner ada') });
    const [entry] = readSignerEntries(SignersConfig.parse({ SIGNERS_FILE: signersFile(), OWNER_ID: 'owner' }));
    expect(entry).toMatchObject({ owner: 'ada', voter: main.address, kind: 'alias', votesPerDay: 7 });
    expect(entry?.allowedSpaces).toEqual(['harbour.eth', 'other.eth']);
    if (entry?.key.kind !== 'keystore') throw new Error('it is no keystore');
    const files = [entry.key.file, entry.key.passphraseFile];
    expect(files.map((file) => path.dirname(file))).toEqual([
      path.join(dir, 'voter'),
      path.join(dir, 'voter-passphrase'),
    ]);
    for (const file of [...files, signersFile()]) {
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect((await stat(path.dirname(file))).mode & 0o777).toBe(0o700);
    }
    const [json = '', passphrase = ''] = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    expect(JSON.parse(json)).toMatchObject({ version: 3 });
    const wallet = await Wallet.fromEncryptedJson(json, passphrase.trim());
    expect(made.out).toContain(wallet.address);
    for (const secret of [passphrase.trim(), wallet.privateKey.slice(2)]) {
      expect(`${made.out}${made.err}`).not.toContain(secret);
      expect(await readFile(signersFile(), 'utf8')).not.toContain(secret);
    }
    expect((await readdir(dir, { recursive: true })).filter((name) => /\.(new|lock)$/.test(name))).toEqual([]);
  });

  test('overwrites nothing: an owner who has a signer keeps it', async () => {
    await quickSigner();
    const before = await readFile(signersFile(), 'utf8');
    const again = await keystore();
    expect(again).toMatchObject({
      code: 1,
      err: expect.stringMatching(/ada is in .*signers\.json already.*\n→ Take ada/),
    });
    expect(await readFile(signersFile(), 'utf8')).toBe(before);
    expect(await readdir(dir)).toEqual(['voter']);
  });

  test('adds to the owners who are there, two at the same time too', async () => {
    const voters = [Wallet.createRandom().address, Wallet.createRandom().address];
    const made = await Promise.all(
      ['ada', 'bo'].map((owner, at) =>
        spawned(['keystore', '--owner', owner, '--voter', voters[at] ?? '', '--space', 'harbour.eth']),
      ),
    );
    expect(made.map(({ code }) => code)).toEqual([0, 0]);
    expect((await owners()).toSorted()).toEqual(['ada', 'bo']);
  });

  test('refuses the vote of another owner, before any key is made', async () => {
    await quickSigner();
    const other = await run([
      'keystore',
      '--owner',
      'bo',
      '--voter',
      main.address.toLowerCase(),
      '--space',
      'harbour.eth',
    ]);
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('bo and ada both vote as') });
    expect(await readdir(dir)).toEqual(['voter']);
  });

  test('takes an own key from a file alone', async () => {
    const file = path.join(dir, 'main.key');
    const own = ['--kind', 'own_key'];
    expect(await keystore('ada', ...own)).toMatchObject({
      code: 1,
      err: expect.stringContaining('give its --key-file'),
    });
    await writeFile(file, Wallet.createRandom().privateKey, { mode: 0o600 });
    // Where npm was called, which is not where it runs us.
    vi.stubEnv('INIT_CWD', dir);
    expect(await keystore('ada', ...own, '--key-file', 'main.key')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/is that of 0x\w+, not of/),
    });
    vi.unstubAllEnvs();
    await writeFile(file, main.privateKey);
    await chmod(file, 0o644);
    expect(await keystore('ada', ...own, '--key-file', file)).toMatchObject({
      code: 1,
      err: expect.stringContaining('chmod 600'),
    });
    await chmod(file, 0o600);
    const made = await keystore('ada', ...own, '--key-file', file);
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining('ALLOW_MAIN_KEY=1') });
    expect(await owners()).toEqual(['ada']);
    expect(`${made.out}${made.err}`).not.toContain(main.privateKey.slice(2));
  });

  test.each([
    [['--owner', 'Ada'], /--owner: must be/],
    [['--voter', '0x12'], /--voter/],
    [['--space', 'Harbour.eth'], /--space 1: is not a normalised ENS name/],
    [['--votes-per-day', '0'], /--votes-per-day/],
    [['--kind', 'main'], /--kind/],
    [['--key', '0x12'], /Unknown option '--key'/],
    [['--key-file', 'main.key'], /--key-file is for --kind own_key/],
  ])('says what is wrong with %j', async (args, why) => {
    const wrong = await run(['keystore', '--owner', 'ada', '--voter', main.address, '--space', 'a.eth', ...args]);
    expect(wrong).toMatchObject({ code: 1, err: expect.stringMatching(why) });
    expect(await readdir(dir)).toEqual([]);
  });
});

describe('npm run keys -- alias', () => {
  const alias = (...more: string[]): Promise<Run> => run(['alias', '--owner', 'ada', ...more]);

  test('prints typed data for the main wallet, submits its signature, and says until when it holds', async () => {
    await keystore();
    const printed = await spawned(['alias', '--owner', 'ada']);
    expect(printed).toMatchObject({ code: 0, err: expect.stringContaining(`Sign this as ${main.address}`) });
    const { data, signature } = await sign(printed.out, main);
    const { EIP712Domain: domainType, ...types } = data.types;
    expect(data.primaryType).toBe('Alias');
    // As ethers would hand it to a wallet.
    expect(domainType).toEqual(TypedDataEncoder.getPayload(data.domain, types, data.message).types.EIP712Domain);
    const submitted = await spawned(['alias', '--owner', 'ada', '--signature', signature]);
    const until = new Date((data.message.timestamp + 30 * DAY_S) * 1_000).toISOString();
    expect(submitted).toMatchObject({
      code: 0,
      out: `✓ ${data.message.alias} votes for ${main.address} until ${until}.\n`,
    });

    const again = await alias('--signature', signature);
    expect(again, 'a second time it is a duplicate, and all is well').toMatchObject({ code: 0, out: submitted.out });
  });

  test('takes the signature of a message that was printed before the last one, and a last byte from 0', async () => {
    await quickSigner();
    const first = await sign((await alias()).out, main);
    await alias();
    const { r, s, yParity } = Signature.from(first.signature);
    const raw = `${r}${s.slice(2)}0${yParity}`;
    expect(await alias('--signature', raw)).toMatchObject({ code: 0, out: expect.stringContaining('votes for') });
  });

  test('refuses the signature of another wallet, and one under another message', async () => {
    await quickSigner();
    const printed = (await alias()).out;
    const stranger = await sign(printed, new Wallet(Wallet.createRandom().privateKey));
    const words = expect.stringContaining(`not the signature of ${main.address}`);
    expect(await alias('--signature', stranger.signature)).toMatchObject({ code: 1, err: words });
    const other = printed.replace(/"timestamp": \d+/, '"timestamp": 1700000000');
    const { signature } = await sign(other, main);
    expect(await alias('--signature', signature)).toMatchObject({ code: 1, err: words });
    expect(await alias('--signature', '0x12')).toMatchObject({
      code: 1,
      err: expect.stringContaining('is no signature'),
    });
  });

  test('wants a message to be printed first, and not seven days ago', async () => {
    await quickSigner();
    const none = { code: 1, err: expect.stringMatching(/No message of the last six days.*\n→ Print the message anew/) };
    expect(await alias('--signature', `0x${'11'.repeat(65)}`)).toMatchObject(none);
    const { data, signature } = await sign((await alias()).out, main);
    const file = path.join(dir, 'voter/alias-messages-ada.json');
    const old = { voter: main.address, alias: data.message.alias, timestamps: [data.message.timestamp - 7 * DAY_S] };
    await writeFile(file, JSON.stringify(old));
    expect(await alias('--signature', signature)).toMatchObject(none);
  });

  test('says what the sequencer says where the alias does not come to stand, and the same signature may go again', async () => {
    await quickSigner();
    const { signature } = await sign((await alias()).out, main);
    await control('POST', 'faults', { endpoint: 'sequencer', count: 1, status: 500 });
    expect(await alias('--signature', signature)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/the sequencer answered 500.*\n→ Try again with the same signature/),
    });
    expect(await alias('--signature', signature)).toMatchObject({ code: 0 });
  });

  test('has nothing to sign for an owner without a signer, nor for one with an own key', async () => {
    expect(await alias()).toMatchObject({ code: 1 });
    await quickSigner('bo');
    expect(await alias()).toMatchObject({ code: 1, err: expect.stringContaining('keys -- keystore --owner ada') });
    const signers = await readFile(signersFile(), 'utf8');
    await writeFile(signersFile(), signers.replace('"bo"', '"ada"').replace('"alias"', '"own_key"'));
    expect(await alias()).toMatchObject({ code: 1, err: expect.stringContaining("signs with the voter's own key") });
  });
});
