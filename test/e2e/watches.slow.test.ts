/** Twenty watches; the same with four is in watches.test.ts. */
import { describe } from 'vitest';
import { watchesThroughAnOutage } from './watches-outage.ts';

describe('twenty watches', () => watchesThroughAnOutage(20));
