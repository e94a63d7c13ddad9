/**
 * `GET /audit`: the audit chain of the owner's voter, a record a line, as `npm run audit:verify` reads it. `?after=` leaves out the
 * records up to this number, for who has them already; `?owner=` is for admins. So is the chain of a voter that votes, or voted, for
 * several owners: it tells of all of them, and no record can be left out of it.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AuditChain } from '@quorum/shared/audit-chain';
import { NotFoundError } from '@quorum/shared/errors';
import type { Records } from '@quorum/shared/records';
import { Router } from 'express';
import { maySee, type Access } from '../access.ts';
import { EXPORT_AUDIT } from '../api/operation.ts';
import { serveOn } from '../api/serve.ts';
import { askRedis } from '../ask-redis.ts';
import { Refusal } from '../problem.ts';

export type AuditDeps = {
  readonly access: Access;
  readonly records: Pick<Records, 'signer' | 'isShared'>;
  readonly auditChain: Pick<AuditChain, 'pages'>;
  /** The time within which Redis has to answer each question, in milliseconds. */
  readonly limitMs: () => number;
};

export function auditRoutes({ access, records, auditChain, limitMs }: AuditDeps): Router {
  const router = Router();

  type Page = IteratorResult<readonly string[], void>;

  /** This page and those behind it as text; no more than one is held. Each has its own time to come. */
  async function* textOf(first: Page, next: () => Promise<Page>): AsyncGenerator<string> {
    for (let page = first; page.done !== true; page = await next()) yield `${page.value.join('\n')}\n`;
  }

  serveOn(router, access)(EXPORT_AUDIT, async ({ caller: callerOf, query, response }) => {
    const voter = await askRedis(limitMs(), async () => {
      const caller = await callerOf();
      const { owner = caller.owner } = query();
      const signer = maySee(caller, owner) ? await records.signer(owner) : null;
      // For whoever asks for their own and never had a signer there is nothing to tell, which is no error.
      if (signer === null && query().owner !== undefined) throw new NotFoundError('audit chain');
      if (signer === null) return null;
      if (caller.role !== 'admin' && (await records.isShared(signer.voter, owner))) {
        throw new Refusal('role-too-low', 'The voter votes, or voted, for other owners too. Its chain is for admins.');
      }
      return signer.voter;
    });
    // Before anything is sent: a Redis that is away is a 503 as everywhere.
    const pages = voter === null ? null : auditChain.pages(voter, query().after);
    const next = (): Promise<Page> =>
      askRedis(limitMs(), async () => pages?.next() ?? { done: true, value: undefined });
    const first = await next();
    response.type('application/x-ndjson');
    await pipeline(Readable.from(textOf(first, next)), response);
  });

  return router;
}
