import { countsHold } from './counts.ts';

countsHold(10, 120_000);
