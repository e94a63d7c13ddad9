/** The API reference: everything of the document is on it, and it reaches for nothing. */
import { expect, test } from 'vitest';
import { CATALOGUE } from './catalogue.ts';
import { ANSWERED, SENT } from './components.ts';
import { openApiDocument } from './document.ts';
import { html } from './html.ts';
import { apiPage, PAGE_POLICY } from './page.ts';

const page = apiPage(openApiDocument());

test('has every operation and every schema', () => {
  const ids = [
    ...CATALOGUE.map(({ id }) => id),
    ...Object.keys({ ...ANSWERED, ...SENT }).map((name) => `schema-${name}`),
  ];
  for (const id of ids) expect(page, id).toContain(`id="${id}"`);
});

test('leads to what is on it, and to nothing outside', () => {
  const targets = [...page.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, target = '']) => target);
  expect(targets.length).toBeGreaterThan(100);
  for (const target of targets) {
    if (target === '/openapi.json') continue;
    expect(target).toMatch(/^#/);
    expect(page, target).toContain(`id="${target.slice(1)}"`);
  }
  expect(page).not.toMatch(/<script|<img|<link|url\(|@import/);
  expect(PAGE_POLICY).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; /);
});

test('text is never markup', () => {
  expect(html`<p>${'<script>"&\''}</p>`.text).toBe('<p>&lt;script&gt;&quot;&amp;&#39;</p>');
  const evil = { openapi: '3.1.1', info: { title: '<img src=x onerror=alert(1)>' }, paths: {}, tags: [] } as const;
  expect(apiPage(evil)).not.toContain('<img');
});
