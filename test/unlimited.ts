/** Settings of a gateway for tests that ask more often than anybody should. */
export const UNLIMITED = {
  RATE_LIMIT_READS_PER_OWNER: '1000000',
  RATE_LIMIT_READS_PER_ADDRESS: '1000000',
  RATE_LIMIT_STARTS_PER_OWNER: '1000000',
  RATE_LIMIT_STARTS_PER_ADDRESS: '1000000',
  RATE_LIMIT_BAD_KEYS_PER_ADDRESS: '1000000',
} as const;
