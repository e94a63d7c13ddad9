/** The gateway as a process. */
import { runService } from '@quorum/shared/lifecycle';
import { createLogger } from '@quorum/shared/log';
import { serviceConfig } from '@quorum/shared/service-config';
import { GatewayConfig } from './config.ts';
import { startGateway } from './gateway.ts';

const config = serviceConfig('gateway', GatewayConfig);
const log = createLogger('gateway', config.now().LOG_LEVEL, { secrets: config.secrets() });

await runService({
  log,
  shutdownTimeoutS: config.fixed.SHUTDOWN_TIMEOUT_S,
  start: (stack) => startGateway(config, log, stack),
});
