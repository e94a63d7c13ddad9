/** `npm run docs`: writes docs/configuration.md. */
import { writeFile } from 'node:fs/promises';
import { CONFIGURATION_FILE, configurationPage } from './configuration.ts';

await writeFile(CONFIGURATION_FILE, configurationPage());
