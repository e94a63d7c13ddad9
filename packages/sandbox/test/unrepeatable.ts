/**
 * What cannot repeat in an answer that was recorded, and why. It is blanked on both sides before they are compared; everything
 * else must be equal. Cases that are not replayed at all are in `recorded-exceptions.ts`.
 */
import { hashMessage, recoverAddress } from 'ethers';
import { z } from 'zod';
import type { RecordedCase } from './recorded-cases.ts';

/** `body` is text where it is a page, else what its JSON says. */
type Blank = (body: unknown, asked: RecordedCase['request'], url: string) => unknown;

const Receipt = z.object({
  id: z.string(),
  ipfs: z.string().regex(/^bafkrei[a-z2-7]{52}$/),
  relayer: z.object({ address: z.string(), receipt: z.string() }),
});
const Named = z.looseObject({ name: z.literal('snapshot-sequencer'), relayer: z.string() });
const Signed = z.object({ sig: z.string() });
const ServerError = z.looseObject({ error: z.literal('server_error'), error_description: z.looseObject({}) });

export const UNREPEATABLE: readonly { readonly what: string; readonly why: string; readonly blank: Blank }[] = [
  {
    what: "a receipt's CID",
    why: 'the recording pinned to a stub, which made them up; that it is a CID is checked',
    blank: (body) => (Receipt.safeParse(body).success ? { ...Receipt.parse(body), ipfs: 'a CID' } : body),
  },
  {
    what: "a receipt's relayer and signature",
    why: 'each server has a key of its own; that the signature is its own, over the signature that was sent, is checked',
    blank: (body, { body: sent }) => {
      const receipt = Receipt.extend({ ipfs: z.string() }).safeParse(body);
      if (!receipt.success) return body;
      const { address, receipt: signature } = receipt.data.relayer;
      return { ...receipt.data, relayer: recoverAddress(hashMessage(Signed.parse(sent).sig), signature) === address };
    },
  },
  {
    what: "the sequencer's relayer where it says who it is",
    why: 'the same key',
    blank: (body) => (Named.safeParse(body).success ? { ...Named.parse(body), relayer: 'its own' } : body),
  },
  {
    what: 'CID and receipt in the statement that the database refused',
    why: 'the same stub and the same key',
    blank: (body) => {
      if (!ServerError.safeParse(body).success) return body;
      return JSON.parse(JSON.stringify(body).replaceAll(/`(ipfs|receipt)` = '[^']*'/g, '`$1` = its own'));
    },
  },
  {
    what: "the stack on express's page",
    why: "it names the modules and lines of the real server's process; the error above it must agree",
    blank: (body) => (typeof body === 'string' ? body.replaceAll(/<br> &nbsp; &nbsp;at [^<]*/g, '') : body),
  },
  {
    what: 'where the sequencer listens, in a redirect',
    why: 'there it had an address of its own, here it is at the same one as the hub',
    blank: (body, _asked, url) =>
      typeof body === 'string' ? body.replaceAll(/http:\/\/127\.0\.0\.1:33001/g, url) : body,
  },
];

/** A body without what cannot repeat; `url` is that of the server that answers now. */
export function comparable(body: unknown, { request }: RecordedCase, url: string): unknown {
  return UNREPEATABLE.reduce((left, { blank }) => blank(left, request, url), body);
}

/** What an answer says: its JSON, or its text. */
export function bodyOf(text: string, type: string | null): unknown {
  return type?.includes('json') ? JSON.parse(text) : text;
}
