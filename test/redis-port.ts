/**
 * A free port for a Redis that is killed and comes back on it: below the ports that systems give to whoever connects (from 32,768 on
 * Linux, 49,152 elsewhere). While it is away such a port may be another's for a moment, and then it does not come up again; or a client
 * that tries to reach it is given that very port for its own end, and is connected to itself.
 */
import { randomInt } from 'node:crypto';
import { nextFreePort } from '../scripts/ports.ts';

const LOWEST = 12_000;
const HIGHEST = 32_000;

/** Between looking and taking somebody else may be faster: whoever gets it tries again with another. */
export const lastingPort = (): Promise<number> => nextFreePort(randomInt(LOWEST, HIGHEST));
