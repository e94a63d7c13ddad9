/** What comes in time, or a substitute. */
import { answerLimit } from './answer-limit.ts';

/** What the work resolves to within `limitMs`; the substitute where it takes longer or fails. Never throws, and keeps no process. */
export async function within<T>(limitMs: number, work: Promise<T>, substitute: T): Promise<T> {
  const { promise: late, resolve } = Promise.withResolvers<T>();
  const stop = answerLimit(limitMs, () => resolve(substitute));
  try {
    return await Promise.race([work.catch(() => substitute), late]);
  } finally {
    stop();
  }
}
