/** The gateway as a process. */
import { configOrExit, runService } from '@quorum/shared/lifecycle';
import { createLogger } from '@quorum/shared/log';
import { parseGatewayConfig } from './config.ts';
import { startGateway } from './gateway.ts';

const config = configOrExit(() => parseGatewayConfig(process.env));
const log = createLogger('gateway', config.LOG_LEVEL);

await runService({
  log,
  shutdownTimeoutS: config.SHUTDOWN_TIMEOUT_S,
  start: (stack) => startGateway(config, log, stack),
});
