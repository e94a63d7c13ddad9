/** What a Redis of the tests can do, whether it is a process or a container. */

export interface TestRedis {
  /** Stays the same over `kill9` and `restart`. */
  readonly url: string;
  /** Ends it and removes its folder. */
  readonly stop: () => Promise<void>;
  /** Ends it as a crash would, and waits until it is gone. */
  readonly kill9: () => Promise<void>;
  /** Starts it again on the same port, with what it kept: nothing, unless `appendonly`. Ends a running one first. */
  readonly restart: () => Promise<void>;
}

export interface TestRedisOptions {
  /** Keep the data over `kill9` and `restart`. Default: no persistence. */
  readonly appendonly?: boolean;
  readonly password?: string;
}
