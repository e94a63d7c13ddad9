export interface RedisBinary {
  readonly command: string;
  /** Variables to add to the environment of the binary. */
  readonly env: Readonly<Record<string, string>>;
}

export declare class RedisMissing extends Error {
  constructor(log?: string);
}
export declare function lookForRedis(): RedisBinary | undefined;
export declare function findRedis(): RedisBinary;
export declare function unpackRedis(): Promise<void>;
