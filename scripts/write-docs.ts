/** `npm run docs`: writes the pages that are made: settings, metrics, log events, and the OpenAPI document. */
import { writeFile } from 'node:fs/promises';
import { CONFIGURATION_FILE, configurationPage } from './configuration.ts';
import { LOGS_FILE, logsPage, METRICS_FILE, metricsPage } from './observing-pages.ts';
import { OPENAPI_FILE, openApiText } from './openapi.ts';

await writeFile(CONFIGURATION_FILE, configurationPage());
await writeFile(OPENAPI_FILE, openApiText());
await writeFile(METRICS_FILE, metricsPage());
await writeFile(LOGS_FILE, logsPage());
