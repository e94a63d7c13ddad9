/** The folder of the checkout, and where a file is that a command line names. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** npm runs us in the folder of the package, and says where it was called. */
export function pathOf(file: string): string {
  return path.resolve(process.env['INIT_CWD'] || process.cwd(), file);
}
