/**
 * Bull Board in a real browser: whoever has a link sees the tree of a finished run, whoever has none sees nothing. Skipped, and
 * said so, where no Chromium is installed. With `BOARD_PICTURE=FILE` it writes the picture for the docs.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createApiKeys } from '@quorum/shared/api-keys';
import type { RunId } from '@quorum/shared/ids';
import { jobIds } from '@quorum/shared/jobs';
import { readKeyFile } from '@quorum/shared/secret-file';
import type { ProposalId } from '@quorum/snapshot/proposal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { SECRETS } from '../../scripts/secrets.ts';
import { chromiumPath, openBrowser, type Browser } from '../chromium.ts';
import { PATIENT } from '../patience.ts';
import { startStack, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, SPACE } from './world.ts';

const executable = await chromiumPath();
const title =
  executable === null ? 'the board in a browser (skipped: no Chromium; apt-get install chromium)' : 'the board';

describe.skipIf(executable === null)(title, () => {
  let stack: Stack;
  let browser: Browser;
  let runId: RunId;
  let proposals: readonly ProposalId[];
  const open: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    stack = await startStack({ world: openWorld(), space: SPACE, preferences: EVERYTHING });
    open.push(stack.stop);
    const result = await stack.run();
    runId = result.run_id;
    proposals = result.decisions.map(({ proposal_id }) => proposal_id);
    expect(proposals).toHaveLength(2);
    // The same Quorum as it is live: nobody is let in without a key.
    await stack.start('gateway', { ALLOW_ANONYMOUS: '0' });
    browser = await openBrowser(executable ?? '');
    open.push(browser.close);
  });
  afterAll(async () => {
    for (const close of open.toReversed()) await close();
  });

  const shown = async (): Promise<string> =>
    z.string().parse((await browser.evaluate('document.body.innerText')) ?? '');

  const adminKey = async (): Promise<string> =>
    (await readFile(path.join(stack.secrets, SECRETS.apiKey), 'utf8')).trim();

  /** What the tree on the page says of each of its jobs: name, state, queue, id. */
  const nodes = async (): Promise<string[]> => {
    const labels = `[...document.querySelectorAll('.react-flow__node')].map((node) => node.getAttribute('aria-label'))`;
    return z.array(z.string()).parse(await browser.evaluate(labels));
  };

  async function makeLink(key: string): Promise<Response> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    return await fetch(`${stack.url}/admin/queues/link`, { method: 'POST', headers });
  }

  test('shows nothing to whoever has no link', async () => {
    await browser.goto(`${stack.url}/admin/queues/queue/agent-run/${runId}`);
    expect(await shown()).toContain('/problems/unauthorized');
    expect(await shown()).not.toContain(runId);
  });

  test('is refused to a user, who gets no link', async () => {
    const apiKeys = createApiKeys(stack.redis, readKeyFile(path.join(stack.secrets, SECRETS.gatewayMacKey)));
    const { text } = await apiKeys.create({ owner: stack.owner, role: 'user', name: '', nowMs: Date.now() });
    expect((await makeLink(text)).status).toBe(403);
    await browser.goto(`${stack.url}/admin/queues/link?token=guess`);
    expect(await shown()).toContain('/problems/link-gone');
    await browser.goto(`${stack.url}/admin/queues`);
    expect(await shown()).toContain('/problems/unauthorized');
  });

  test('shows the tree of a finished run to whoever opens an admin’s link', async () => {
    const made = await makeLink(await adminKey());
    const { url } = z.object({ url: z.url() }).parse(await made.json());
    await browser.goto(url);
    expect(await browser.evaluate('location.pathname')).toBe('/admin/queues');
    await browser.goto(`${stack.url}/admin/queues/queue/agent-run/${runId}`);
    const ids = proposals.flatMap((id) => [jobIds.vote(runId, id), jobIds.decide(runId, id)]);
    const tree = [runId, ...ids].map((id) => expect.stringMatching(new RegExp(`^[a-z-]+, completed, .*${id}$`)));
    await expect.poll(nodes, PATIENT).toEqual(expect.arrayContaining(tree));
    const picture = process.env['BOARD_PICTURE'];
    if (picture !== undefined) await browser.screenshot(picture);
  });

  test('leads from the job of a vote to its proposal', async () => {
    const [proposal] = proposals;
    if (proposal === undefined) throw new Error('The run chose nothing');
    await browser.goto(`${stack.url}/admin/queues/queue/vote/${jobIds.vote(runId, proposal)}`);
    const link = `/admin/queues/proposal/${runId}/${proposal}`;
    await expect
      .poll(() => browser.evaluate(`document.querySelector('a[href="${link}"]')?.innerText`), PATIENT)
      .toBe('Proposal');
    const headers = { authorization: `Bearer ${await adminKey()}` };
    const answer = await fetch(`${stack.url}${link}`, { headers, redirect: 'manual' });
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toMatch(new RegExp(`^https?://.*${proposal}$`));
  });
});
