/** How the sequencer stores an app's name, which is also how long that name is. */
import { expect, test } from 'vitest';
import { kebabCase } from './kebab-case.ts';

test.each([
  ['ourClient 2', 'our-client-2'],
  ['HTTPServer', 'http-server'],
  ['x86_64', 'x-86-64'],
  ["don't", 'dont'],
  ['don’t', 'dont'],
  ['café', 'cafe'],
  ['Ñandú éA', 'nandu-e-a'],
  ['straße Æon Łódź', 'strasse-aeon-lodz'],
  ['应用', '应用'],
  ['日本語 アプリ', '日本語-アプリ'],
  ['приложение', 'приложение'],
  ['تطبيق', 'تطبيق'],
  ['go🚀go', 'go-🚀-go'],
  ['👩‍🚀', '👩‍🚀'],
  ['1st 2nd 3RD 100th 11th', '1st-2nd-3rd-100th-11-th'],
  ['1stage', '1-stage'],
  ['a\u200bb', 'a-b'],
  ['--', ''],
])('%j is %j', (name, stored) => {
  expect(kebabCase(name)).toBe(stored);
});
