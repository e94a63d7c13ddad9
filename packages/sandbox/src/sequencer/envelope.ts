/** The outer shape of what is posted to the sequencer. */
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import { ensNormalize } from 'ethers';
import { z } from 'zod';
import { kindOfTypes, type MessageKind } from './accepted-types.ts';
import type { TypedDomain, TypedField } from './typed-data.ts';

/** EIP-55, and nothing else: an address in lower case is a wrong envelope. */
const Checksummed = z.string().transform((text, context) => {
  const address = checksummed(text);
  if (address !== null) return address;
  context.addIssue({ code: 'custom', message: 'is not a checksummed address' });
  return z.NEVER;
});

const Envelope = z.strictObject({
  address: Checksummed,
  // An array passes the real server's schema too, and then fails as a signature.
  sig: z.union([z.string(), z.array(z.string())]),
  data: z.strictObject({
    domain: z.looseObject({ name: z.string(), version: z.string() }),
    types: z.record(z.string(), z.unknown()),
    primaryType: z.string().optional(),
    message: z.looseObject({
      from: Checksummed,
      timestamp: z.number(),
      space: z.string().regex(/^\S+$/).optional(),
      proposal: z.string().optional(),
      choice: z.unknown().optional(),
    }),
  }),
});

const TypedFields = z.array(z.strictObject({ name: z.string(), type: z.string() }));

export type ParsedEnvelope = {
  readonly address: Address;
  readonly sig: string | readonly string[];
  readonly domain: TypedDomain & { readonly name: string; readonly version: string };
  readonly types: Readonly<Record<string, unknown>>;
  readonly message: z.output<typeof Envelope>['data']['message'];
};

/** The envelope, or null where its format is wrong. `EIP712Domain` is dropped from the types, as the sequencer does. */
export function parseEnvelope(body: unknown): ParsedEnvelope | null {
  const parsed = Envelope.safeParse(body);
  if (!parsed.success) return null;
  const { address, sig, data } = parsed.data;
  const { EIP712Domain: _, ...types } = data.types;
  return { address, sig, domain: data.domain, types, message: data.message };
}

/** What kind of message this is; null where the type set is not an accepted one. */
export function kindOf(envelope: ParsedEnvelope): MessageKind | null {
  return kindOfTypes(envelope.types);
}

/** The one struct of an accepted type set. Null where there is another number of them, which no accepted set has. */
export function structOf(envelope: ParsedEnvelope): { name: string; fields: readonly TypedField[] } | null {
  const [only, ...others] = Object.entries(envelope.types);
  if (!only || others.length > 0) return null;
  const fields = TypedFields.safeParse(only[1]);
  return fields.success ? { name: only[0], fields: fields.data } : null;
}

/** False where the name cannot be an ENS name. Case is no reason: `LocalDAO.eth` passes on the real server too. */
export function isEnsName(name: string): boolean {
  // Most ids are as ENS leaves them, which shows without its tables of Unicode: to open those took 0.9 s of CPU on a busy machine.
  if (SpaceId.safeParse(name).success) return true;
  try {
    ensNormalize(name);
    return true;
  } catch {
    // ensNormalize has no other way to say no.
    return false;
  }
}

/** The address, or null where the text is none in its EIP-55 form. */
export function checksummed(text: string): Address | null {
  const parsed = Address.safeParse(text);
  return parsed.success && parsed.data === text ? parsed.data : null;
}
