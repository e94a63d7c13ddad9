/** The gateway's settings. */
import { CommonConfig, isLive, OwnerConfig, Port, PreferencesConfig, retryShape } from '@quorum/shared/config';
import { managed, reloads } from '@quorum/shared/settings';
import { z } from 'zod';

const upstream = z
  .url()
  .optional()
  .describe('Never called by the gateway: it tells whether requests without a key are safe');

export const GatewayConfig = CommonConfig.extend(OwnerConfig.shape)
  .extend(PreferencesConfig.shape)
  .extend({
    PORT: Port(3000).describe('Port of the HTTP API; 0 takes any free one'),
    ALLOW_ANONYMOUS: z
      .stringbool()
      .default(false)
      .describe('Let requests without an API key act for OWNER_ID; refused while an upstream is live'),
    API_KEY_FILE: managed(
      z.string().optional().describe('File with the API key of the first admin, who acts for OWNER_ID'),
    ),
    GATEWAY_MAC_KEY_FILE: managed(
      z
        .string()
        .optional()
        .describe('Key by which the API keys in Redis are known to be ours; without it none of them is'),
    ),
    SNAPSHOT_HUB_URL: upstream,
    SNAPSHOT_SEQUENCER_URL: upstream,
    OPENAI_BASE_URL: upstream,
    ALLOWED_HOSTS: z
      .string()
      .default('localhost,127.0.0.1,[::1],gateway')
      .transform((list) => list.split(',').map((host) => host.trim().toLowerCase()))
      .pipe(z.array(z.string().min(1)))
      .describe('Names, without port, by which the gateway may be called; comma-separated'),
    ENQUEUE_TIMEOUT_MS: reloads(
      'job',
      z.coerce
        .number()
        .int()
        .min(50)
        .max(10_000)
        .default(800)
        .describe('Milliseconds within which a request has its answer of Redis, or is answered 503'),
    ),
    ...retryShape('job'),
  })
  .superRefine((config, context) => {
    if (config.ALLOW_ANONYMOUS) {
      const upstreams = {
        SNAPSHOT_HUB_URL: config.SNAPSHOT_HUB_URL,
        SNAPSHOT_SEQUENCER_URL: config.SNAPSHOT_SEQUENCER_URL,
        OPENAI_BASE_URL: config.OPENAI_BASE_URL,
      };
      for (const [name, url] of Object.entries(upstreams)) {
        // What is not told is taken for live: the other services may well call it.
        if (url !== undefined && !isLive(url)) continue;
        const what = url === undefined ? `${name} is not set here` : `${name} is live`;
        context.addIssue({
          code: 'custom',
          path: ['ALLOW_ANONYMOUS'],
          message: `must not be 1: ${what}, and anyone could vote. Set it to 0 and give an API_KEY_FILE.`,
        });
        return;
      }
    } else if (config.API_KEY_FILE === undefined && config.GATEWAY_MAC_KEY_FILE === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['API_KEY_FILE'],
        message: 'or GATEWAY_MAC_KEY_FILE must be set where ALLOW_ANONYMOUS is not: nobody could use the gateway.',
      });
    }
  });
