/** services/gateway/openapi.json, made of the gateway's catalogue of routes. `npm run docs` writes it; `npm run check` compares it. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { openApiDocument } from '@quorum/gateway/api/document';
import { ROOT } from './root.ts';

export const OPENAPI_FILE = path.join(ROOT, 'services/gateway/openapi.json');

/** The whole document, as it stands in the file. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(), null, 2)}\n`;
}

/** Whether the document on disk is this one. */
export async function openApiIsFresh(): Promise<boolean> {
  return (await readFile(OPENAPI_FILE, 'utf8').catch(() => '')) === openApiText();
}
