/** The outer shape of what is posted to the sequencer, and its EIP-712 side: the hash of the message and who signed it. */
import { ensNormalize, getAddress, isAddress, TypedDataEncoder, verifyTypedData } from 'ethers';
import { z } from 'zod';
import { kindOfTypes, type MessageKind } from './accepted-types.ts';

const Checksummed = z.string().refine((text) => isAddress(text) && getAddress(text) === text);

const Envelope = z.strictObject({
  address: Checksummed,
  // An array passes the real server's schema too, and then fails as a signature.
  sig: z.union([z.string(), z.array(z.string())]),
  data: z.strictObject({
    domain: z.strictObject({
      name: z.string(),
      version: z.string(),
      chainId: z.union([z.number(), z.string()]).optional(),
    }),
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

const TypedFields = z.record(z.string(), z.array(z.object({ name: z.string(), type: z.string() })));

export type ParsedEnvelope = {
  readonly address: string;
  readonly sig: string | readonly string[];
  readonly domain: { readonly name: string; readonly version: string; readonly chainId?: number | string };
  readonly types: Record<string, unknown>;
  readonly message: z.output<typeof Envelope>['data']['message'];
};

/** The envelope, or null where its format is wrong. `EIP712Domain` is dropped from the types, as the sequencer does. */
export function parseEnvelope(body: unknown): ParsedEnvelope | null {
  const parsed = Envelope.safeParse(body);
  if (!parsed.success) return null;
  const { address, sig, data } = parsed.data;
  const { name, version, chainId } = data.domain;
  const { EIP712Domain: _, ...types } = data.types;
  return {
    address,
    sig,
    domain: { name, version, ...(chainId === undefined ? {} : { chainId }) },
    types,
    message: data.message,
  };
}

/** What kind of message this is; null where the type set is not an accepted one. */
export function kindOf(envelope: ParsedEnvelope): MessageKind | null {
  return kindOfTypes(envelope.types);
}

/** The id of the message, its EIP-712 hash; null where the message cannot be encoded by its types or was not signed by `address`. */
export function signedMessageId(envelope: ParsedEnvelope): string | null {
  const types = TypedFields.safeParse(envelope.types);
  if (!types.success || typeof envelope.sig !== 'string') return null;
  try {
    const signer = verifyTypedData(envelope.domain, types.data, envelope.message, envelope.sig);
    if (signer !== envelope.address) return null;
    return TypedDataEncoder.hash(envelope.domain, types.data, envelope.message);
  } catch {
    // ethers throws on a malformed signature or a message that its types cannot encode: neither is a valid signature.
    return null;
  }
}

/** False where the name cannot be an ENS name. Case is no reason: `LocalDAO.eth` passes on the real server too. */
export function isEnsName(name: string): boolean {
  try {
    ensNormalize(name);
    return true;
  } catch {
    // ensNormalize has no other way to say no.
    return false;
  }
}
