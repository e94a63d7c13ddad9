/** Four watches; the same with twenty is in watches.slow.test.ts. */
import { describe } from 'vitest';
import { watchesThroughAnOutage } from './watches-outage.ts';

describe('four watches', () => watchesThroughAnOutage(4));
