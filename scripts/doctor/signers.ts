/** The signers: readable, with the address that is expected, their alias good for long enough, and able to vote. */
import { createHub, type Hub } from '@quorum/snapshot/hub';
import { printable } from '@quorum/snapshot/printable';
import type { Address } from '@quorum/snapshot/proposal';
import { readSignerEntries, type SignerEntry } from '@quorum/voter/signer-entry';
import { loadLicence } from '@quorum/voter/signers';
import { ASK_MS, bounded, broken, fine, unchecked, warning, wordsOf, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

const DAY_S = 24 * 60 * 60;
const ALIAS_WARNS_S = 7 * DAY_S;

/** The entries of signers.json and the variables; null where they cannot be read, which is a finding. */
export function readEntries({ voter }: Patient): {
  readonly entries: readonly SignerEntry[] | null;
  readonly findings: readonly Finding[];
} {
  if (voter === null) return { entries: null, findings: [unchecked('signers', 'the settings of the voter are wrong')] };
  try {
    const entries = readSignerEntries(voter);
    if (entries.length > 0) return { entries, findings: [] };
    const remedy = 'Make a signer: npm run keys -- keystore --owner OWNER --voter 0x… --space SPACE.eth';
    return { entries, findings: [warning('signers', 'nobody has a signer: every run is a dry run', remedy)] };
  } catch (error) {
    const remedy = 'Mend what it says; npm run setup makes a file that is missing.';
    return { entries: null, findings: [broken('signers', wordsOf(error), remedy)] };
  }
}

export type CheckedSigner = {
  readonly findings: readonly Finding[];
  /** Of the key; undefined where it cannot be opened. */
  readonly address: Address | undefined;
};

/** One owner's signer: its key, and what the hub says of it. */
export async function checkSigner(entry: SignerEntry, patient: Patient): Promise<CheckedSigner> {
  const { upstreams, voter, live } = patient;
  if (voter === null) return { findings: [], address: undefined };
  const loaded: { address?: Address } = {};
  const key = await bounded(`signer of ${entry.owner}`, async () => {
    const licence = await loadLicence(entry, { live, allowMainKey: voter.ALLOW_MAIN_KEY });
    loaded.address = licence.signer.address;
    const what = entry.kind === 'alias' ? `its alias ${loaded.address} can be opened` : 'its own key can be opened';
    return [fine(`signer of ${entry.owner}`, `${entry.voter}: ${what}`)];
  });
  const hub = createHub({ url: upstreams.hub, apiKey: voter.SNAPSHOT_API_KEY, timeoutMs: ASK_MS });
  const told = await Promise.all([
    bounded(`alias of ${entry.owner}`, (signal) =>
      alias(entry, loaded.address, voter.ALIAS_VALID_DAYS * DAY_S, hub, signal),
    ),
    bounded(`roles of ${entry.owner}`, (signal) => roles(entry, hub, signal)),
    ...entry.allowedSpaces.map((space) =>
      bounded(`${entry.owner} in ${space}`, (signal) => power(entry, space, hub, signal)),
    ),
  ]);
  return { findings: [...key, ...told.flat()], address: loaded.address };
}

/** That the hub is down is a finding of its own: what cannot be asked for it is only not checked. */
async function asked(check: string, question: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await question();
  } catch (error) {
    return [unchecked(check, wordsOf(error))];
  }
}

async function alias(
  { owner, voter, kind }: SignerEntry,
  address: Address | undefined,
  validS: number,
  hub: Hub,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (kind === 'own_key') return [];
  const check = `alias of ${owner}`;
  if (address === undefined) return [unchecked(check, 'its key cannot be opened')];
  return asked(check, async () => {
    const known = await hub.alias({ address: voter, alias: address }, signal);
    const remedy = `Sign it: npm run keys -- alias --owner ${owner}`;
    if (known === null) return [broken(check, `${voter} has not made ${address} its alias on Snapshot`, remedy)];
    const endS = known.created + validS;
    const leftS = endS - Date.now() / 1_000;
    const end = new Date(endS * 1_000).toISOString();
    if (leftS <= 0) return [broken(check, `${address} has expired on ${end}`, remedy)];
    const days = `${Math.floor(leftS / DAY_S)} days`;
    const says = `${address} votes for ${voter} until ${end}, ${days} from now`;
    return [
      leftS < ALIAS_WARNS_S ? warning(check, says, remedy.replace('Sign it', 'Sign it again')) : fine(check, says),
    ];
  });
}

/** Whoever has the alias key may do what the voter may, delete proposals too, and an alias cannot be revoked. */
async function roles({ owner, voter, kind }: SignerEntry, hub: Hub, signal: AbortSignal): Promise<readonly Finding[]> {
  const check = `roles of ${owner}`;
  return asked(check, async () => {
    const held = (await hub.roles(voter, signal)).flatMap(({ space, permissions }) =>
      permissions
        .filter((permission) => permission === 'admin' || permission === 'moderator')
        .map((permission) => `${permission} of ${printable(space, 100)}`),
    );
    if (held.length === 0) return [fine(check, `${voter} is admin or moderator of no space`)];
    const risk = kind === 'alias' ? 'an alias of it may do as much, and cannot be revoked' : 'its key lies here';
    return [
      broken(
        check,
        `${voter} is ${held.join(', ')}: ${risk}`,
        'Vote with an address that has no such role, or have the role taken from this one in the settings of the space.',
      ),
    ];
  });
}

async function power(
  { owner, voter }: SignerEntry,
  space: SignerEntry['allowedSpaces'][number],
  hub: Hub,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const check = `${owner} in ${space}`;
  return asked(check, async () => {
    if ((await hub.space(space, signal)) === null) {
      return [broken(check, `the hub knows no space ${space}`, 'Mend its name where the signer’s spaces are listed.')];
    }
    const value = await hub.votingPower({ voter, space }, signal);
    if (value > 0) return [fine(check, `${voter} has a voting power of ${value} as of now`)];
    return [
      warning(
        check,
        `${voter} has no voting power as of now`,
        `Get tokens or a delegation for it, or take ${space} out.`,
      ),
    ];
  });
}
