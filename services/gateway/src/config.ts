/** The gateway's settings. */
import { CommonConfig, isLive, OwnerConfig, Port, PreferencesConfig, retryShape } from '@quorum/shared/config';
import { managed, reloads } from '@quorum/shared/settings';
import { z } from 'zod';
import { fitsTrustProxy } from './address.ts';
import { urlFault } from './webhook/address.ts';

const upstream = z
  .url()
  .optional()
  .describe('Never called by the gateway: it tells whether requests without a key are safe');

/** An origin in the very spelling that a browser gives it. `*` and `null` are none. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text;
}

/** A budget of requests: so many in a window. */
const budget = (fallback: number, what: string) =>
  reloads(
    'job',
    z.coerce
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(fallback)
      .describe(`${what} in RATE_LIMIT_WINDOW_S; more are 429`),
  );

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
    HOLD_MAC_KEY_FILE: managed(
      z
        .string()
        .optional()
        .describe('Key by which the voter service knows answers to holds to be ours; without it none can be given'),
    ),
    SNAPSHOT_HUB_URL: upstream,
    SNAPSHOT_SEQUENCER_URL: upstream,
    OPENAI_BASE_URL: upstream,
    ALLOWED_HOSTS: z
      .string()
      .default('localhost,127.0.0.1,[::1],gateway')
      .transform((list) => list.split(',').map((host) => host.trim().toLowerCase()))
      .pipe(z.array(z.string().min(1)))
      .describe(
        'Names, without port, by which the gateway may be called; comma-separated. In place of the default: keep 127.0.0.1, by which compose asks for its health, and gateway, by which Prometheus does',
      ),
    CORS_ORIGINS: reloads(
      'job',
      z
        .string()
        .default('')
        .transform((list) => list.split(',').flatMap((origin) => origin.trim() || []))
        .pipe(
          z.array(z.string().refine(isOrigin, 'must be origins as browsers send them, as in https://quorum.example')),
        )
        .describe('Origins whose pages may call the gateway from a browser; comma-separated, none where empty'),
    ),
    EVENTS_HEARTBEAT_S: reloads(
      'job',
      z.coerce
        .number()
        .min(0.1)
        .max(60)
        .default(15)
        .describe('Seconds between signs of life on GET /agent-run/:id/events'),
    ),
    EVENTS_MAX_CLIENTS: reloads(
      'job',
      z.coerce
        .number()
        .int()
        .min(1)
        .max(100_000)
        .default(5_000)
        .describe(
          'Clients that may watch runs at one time; each holds a connection. More are answered 503. As many requests may wait for the end of one; more are answered at once',
        ),
    ),
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
    WEBHOOK_URL: z
      .string()
      .optional()
      .describe('Where notices for OWNER_ID are sent, signed, as long as PUT /webhook has set nothing else'),
    WEBHOOK_SECRET_FILE: z
      .string()
      .optional()
      .describe('File with the secret by which the receiver at WEBHOOK_URL verifies signatures; 32 characters or more'),
    WEBHOOK_ALLOW_PRIVATE: z
      .stringbool()
      .default(false)
      .describe('Send notices to private addresses and without TLS too, wherever an owner says'),
    TRUST_PROXY: z
      .string()
      .default('')
      .transform((list) =>
        list
          .split(',')
          .map((entry) => entry.trim().toLowerCase())
          .filter(Boolean),
      )
      .pipe(
        z.array(z.string()).refine(fitsTrustProxy, { error: 'must be a number of proxies, or addresses and networks' }),
      )
      .describe(
        'How many proxies are in front of the gateway, or their addresses and networks: whose X-Forwarded-For is believed. Empty: nobody’s',
      ),
    RATE_LIMIT_WINDOW_S: reloads(
      'job',
      z.coerce.number().int().min(1).max(3_600).default(60).describe('Seconds for which requests are counted together'),
    ),
    RATE_LIMIT_READS_PER_OWNER: budget(1_200, 'Requests of an owner, other than starts,'),
    RATE_LIMIT_READS_PER_ADDRESS: budget(2_400, 'Requests from an address, other than starts,'),
    RATE_LIMIT_STARTS_PER_OWNER: budget(60, 'Runs and rankings that an owner asks for'),
    RATE_LIMIT_STARTS_PER_ADDRESS: budget(120, 'Runs and rankings that are asked for from an address'),
    RATE_LIMIT_BAD_KEYS_PER_ADDRESS: budget(20, 'Refused keys and links of an address'),
    ...retryShape('job'),
  })
  .superRefine((config, context) => {
    const hook = config.WEBHOOK_URL;
    const fault = hook === undefined ? null : urlFault(hook, config.WEBHOOK_ALLOW_PRIVATE);
    if (fault !== null) context.addIssue({ code: 'custom', path: ['WEBHOOK_URL'], message: fault });
    if (config.ALLOW_ANONYMOUS) {
      const upstreams = {
        SNAPSHOT_HUB_URL: config.SNAPSHOT_HUB_URL,
        SNAPSHOT_SEQUENCER_URL: config.SNAPSHOT_SEQUENCER_URL,
        OPENAI_BASE_URL: config.OPENAI_BASE_URL,
      };
      for (const [name, url] of Object.entries(upstreams)) {
        // What is no URL is refused as such. What is not told is taken for live: the other services may well call it.
        if (url !== undefined && (!URL.canParse(url) || !isLive(url))) continue;
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
