import { countsHold } from './counts.ts';

countsHold(100, 600_000);
