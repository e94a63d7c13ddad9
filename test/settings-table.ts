/**
 * One line for every setting of every service: a text that it takes (not its default), what that means where it is not the text
 * itself, and a text that it refuses (null: it takes any). The type names a setting that has no line yet.
 */
import type { SCHEMAS } from '../scripts/schemas.ts';

type Schemas = typeof SCHEMAS;
type SettingName = { [S in keyof Schemas]: keyof Schemas[S]['shape'] }[keyof Schemas];

export type Line = { readonly takes: string; readonly means?: unknown; readonly refuses: string | null };

const number = (takes: number, refuses = 'zz-many'): Line => ({ takes: String(takes), means: takes, refuses });
const yes: Line = { takes: '1', means: true, refuses: 'zz-perhaps' };
const text = (takes: string): Line => ({ takes, refuses: null });
const url = (takes: string): Line => ({ takes, refuses: 'zz nowhere' });

const PRICES = '{"small":{"input_usd_per_million":1,"output_usd_per_million":4}}';

export const LINES = {
  ALIAS_VALID_DAYS: number(7),
  ALLOWED_HOSTS: { takes: 'Quorum.lan, localhost', means: ['quorum.lan', 'localhost'], refuses: 'zz-host,,' },
  ALLOWED_SPACES: { takes: 'a.eth, b.eth', means: ['a.eth', 'b.eth'], refuses: 'zz space' },
  ALLOW_ANONYMOUS: yes,
  ALLOW_LOSSY_REDIS: yes,
  ALLOW_MAIN_KEY: yes,
  API_KEY_FILE: text('/run/other.key'),
  BUDGET_USD_PER_DAY: number(50, '-61'),
  BUDGET_USD_PER_OWNER_DAY: number(10, '-61'),
  BUDGET_USD_PER_RUN: number(0.5, '-61'),
  CONCURRENCY: number(2, '501'),
  CORS_ORIGINS: {
    takes: 'https://a.example, http://localhost:8080',
    means: ['https://a.example', 'http://localhost:8080'],
    refuses: 'https://zz.example/',
  },
  DEADLINE_LEAD_S: number(60, '-61'),
  DECIDER_FALLBACK_MODELS: { takes: 'large, small,large', means: ['large', 'small'], refuses: `zz${'z'.repeat(200)}` },
  DECIDER_MAC_KEY_FILE: text('/run/other-mac.key'),
  DECIDER_MAX_BODY_TOKENS: number(2_000, '499'),
  DECIDER_MAX_OUTPUT_TOKENS: number(2_000, '199'),
  DECIDER_MODELS: { takes: 'small, large,small', means: ['small', 'large'], refuses: ' ,, ,' },
  DECIDER_SAMPLES: number(5, '16'),
  DECIDER_SECOND_READING: { takes: 'high_stakes', refuses: 'zz-often' },
  DEFAULT_CONFIDENCE_THRESHOLD: number(0.9, '1.5'),
  ENQUEUE_TIMEOUT_MS: number(900, '49'),
  EVIDENCE_ARCHIVE_DIR: text('/var/evidence'),
  EVENTS_HEARTBEAT_S: number(5, '61'),
  EVENTS_MAX_CLIENTS: number(10, '0'),
  GATEWAY_MAC_KEY_FILE: text('/run/gateway-mac.key'),
  HEARTBEAT_S: number(3, '16'),
  HOLD_MAC_KEY_FILE: text('/run/hold-mac.key'),
  HOST: text('0.0.0.0'),
  JOB_LOCK_S: number(60, '601'),
  LOG_LEVEL: { takes: 'debug', refuses: 'zz-loud' },
  MAX_PROPOSALS_PER_RUN: number(5, '11'),
  MAX_RETRY_ATTEMPTS: number(5, '21'),
  METRICS_PORT: number(9_100, '65536'),
  MIN_TIME_TO_VOTE_S: number(60, '-61'),
  MODEL_PRICES: { takes: PRICES, means: JSON.parse(PRICES), refuses: '{"zz-small":{"zz-cheap":1}}' },
  MODEL_TIMEOUT_S: number(30, '121'),
  OPENAI_API_KEY: text('another-key'),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('https://collector.example:4318'),
  OTEL_EXPORTER_OTLP_HEADERS: {
    takes: 'api-key=s%20p, x-team=dao',
    means: { 'api-key': 's p', 'x-team': 'dao' },
    refuses: 'zz key',
  },
  OPENAI_BASE_URL: url('http://127.0.0.1:4011/v1'),
  OPENAI_EXTRAS: { takes: 'none', refuses: 'zz-all' },
  OPEN_RUNS_MAX: number(7, '0'),
  OWNER_ID: { takes: 'ada', refuses: 'Zz Ada' },
  PORT: number(3_001, '65536'),
  PREFERENCES_DIR: text('/var/owners'),
  PREFERENCES_MAC_KEY_FILE: text('/run/preferences-mac.key'),
  PREFERENCES_STORE: { takes: 'redis', refuses: 'zz-drawer' },
  PROPOSAL_FETCH_TIMEOUT: number(10, '-61'),
  RATE_LIMIT_BAD_KEYS_PER_ADDRESS: number(5, '0'),
  RATE_LIMIT_READS_PER_ADDRESS: number(100, '0'),
  RATE_LIMIT_READS_PER_OWNER: number(50, '0'),
  RATE_LIMIT_STARTS_PER_ADDRESS: number(10, '0'),
  RATE_LIMIT_STARTS_PER_OWNER: number(5, '0'),
  RATE_LIMIT_WINDOW_S: number(10, '3601'),
  REDIS_PASSWORD_FILE: text('/run/redis'),
  REDIS_URL: { takes: 'redis://127.0.0.1:6380', refuses: 'http://zz-redis' },
  RETRY_DELAY_SECONDS: number(0.5, '601'),
  SEQUENCER_SENDS_PER_MINUTE: number(40, '0'),
  SHUTDOWN_TIMEOUT_S: number(10, '-61'),
  SHUTTER_EON_PUBLIC_KEY: { takes: `0x${'1a'.repeat(128)}`, refuses: '0xzz' },
  SIGNERS_FILE: text('/run/signers.json'),
  SIGNER_KEYSTORE_FILE: text('/run/keystore.json'),
  SIGNER_KIND: { takes: 'own_key', refuses: 'zz-hand' },
  SIGNER_PASSPHRASE_FILE: text('/run/passphrase'),
  SNAPSHOT_API_KEY: text('hub-key'),
  SNAPSHOT_HUB_URL: url('http://127.0.0.1:4011/graphql'),
  SNAPSHOT_SEQUENCER_URL: url('http://127.0.0.1:4011/'),
  TRUST_PROXY: { takes: '10.0.0.0/8, Loopback', means: ['10.0.0.0/8', 'loopback'], refuses: 'zz-proxy' },
  UPSTREAM_PING_S: number(60, '3601'),
  VOTER_ADDRESS: { takes: '0x52908400098527886E0F7030069857D2E4169EE7', refuses: '0xzz' },
  VOTER_MAC_KEY_FILE: text('/run/another-mac.key'),
  VOTES_PER_DAY: number(5, '10001'),
  VOTE_BACKDATE_S: number(60, '432001'),
  VOTE_EXECUTION_TIMEOUT: number(30, '241'),
  VOTE_RETRY_WINDOW_S: number(60, '-61'),
  WEBHOOK_ALLOW_PRIVATE: yes,
  WEBHOOK_SECRET_FILE: text('/run/webhook.secret'),
  WEBHOOK_URL: { takes: 'https://hooks.example.org/quorum', refuses: 'http://zz-hooks.example.org/' },
} as const satisfies Record<SettingName, Line>;

/** The least that each service needs to start. */
export const LEAST: Readonly<Record<keyof Schemas, Readonly<Record<string, string>>>> = {
  gateway: {
    API_KEY_FILE: '/run/api.key',
    SNAPSHOT_HUB_URL: 'http://127.0.0.1:4010/graphql',
    SNAPSHOT_SEQUENCER_URL: 'http://127.0.0.1:4010/',
    OPENAI_BASE_URL: 'http://127.0.0.1:4010/v1',
  },
  fetcher: { SNAPSHOT_HUB_URL: 'http://127.0.0.1:4010/graphql' },
  decider: {
    OPENAI_BASE_URL: 'http://127.0.0.1:4010/v1',
    OPENAI_API_KEY: 'key',
    DECIDER_MODELS: 'one',
    DECIDER_MAC_KEY_FILE: '/run/decider.key',
  },
  voter: {
    SNAPSHOT_HUB_URL: 'http://127.0.0.1:4010/graphql',
    SNAPSHOT_SEQUENCER_URL: 'http://127.0.0.1:4010/',
    SIGNERS_FILE: '/run/s.json',
    DECIDER_MAC_KEY_FILE: '/run/decider.key',
    VOTER_MAC_KEY_FILE: '/run/voter.key',
    HOLD_MAC_KEY_FILE: '/run/hold.key',
  },
};
