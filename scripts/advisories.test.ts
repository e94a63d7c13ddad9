/** What `pnpm audit` comes to, asked of a registry that answers as the real one does, and of some that do not. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { auditPackages } from './advisories.ts';
import { ROOT } from './root.ts';

const GHSA = 'GHSA-aaaa-bbbb-cccc';
const WEAKNESS = {
  id: 1111,
  url: `https://github.com/advisories/${GHSA}`,
  title: 'Reads too much',
  severity: 'low',
  vulnerable_versions: '<99.0.0',
  cwe: ['CWE-1'],
  cvss: { score: 3, vectorString: null },
};

let server: Server | undefined;
afterEach(() => server?.close());

/** A registry that knows these weaknesses, by package. */
async function registry(answer: unknown, status = 200): Promise<string> {
  server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}/`;
}

test('no known weakness is clean', async () => {
  expect(await auditPackages(ROOT, {}, await registry({}))).toEqual({ kind: 'audited', findings: [] });
});

test('a weakness of any severity is named, unless it is argued', async () => {
  const url = await registry({ express: [WEAKNESS] });
  expect(await auditPackages(ROOT, {}, url)).toEqual({
    kind: 'audited',
    findings: [`express: low: Reads too much (${GHSA})`],
  });
  expect(await auditPackages(ROOT, { [GHSA]: 'we do not read' }, url)).toEqual({ kind: 'audited', findings: [] });
});

test('an argument that is needed no more is a finding itself', async () => {
  expect(await auditPackages(ROOT, { [GHSA]: 'we do not read' }, await registry({}))).toEqual({
    kind: 'audited',
    findings: [expect.stringContaining(`${GHSA} is argued in scripts/advisories.ts`)],
  });
});

test.for([
  [405, {}],
  [500, 'broken'],
  [200, 'nonsense'],
] as const)('a registry that answers %d with %j has not answered: skipped, never clean', async ([status, answer]) => {
  expect(await auditPackages(ROOT, {}, await registry(answer, status))).toMatchObject({
    kind: 'skipped',
    why: expect.stringContaining('the registry does not answer the audit request'),
  });
});

test('nor has one that is away, and without pnpm nobody can ask', async () => {
  expect(await auditPackages(ROOT, {}, 'http://127.0.0.1:1/')).toMatchObject({ kind: 'skipped' });
  expect(await auditPackages(import.meta.dirname)).toMatchObject({
    kind: 'skipped',
    why: expect.stringContaining('pnpm'),
  });
});
