/** Who works a queue, as far as Redis says: its client list, in which BullMQ's workers have a name of their own. */
import type { Queue } from 'bullmq';
import { z } from 'zod';

/** A connected worker. `connectedS`: for how many seconds. */
export type ConnectedWorker = { readonly address: string; readonly connectedS: number };

const Client = z.object({ addr: z.string(), age: z.coerce.number() });

/** The workers of a queue; null where this Redis does not tell of its clients, as some managed ones do not. */
export async function workersOf(queue: Queue): Promise<readonly ConnectedWorker[] | null> {
  const clients = z.array(Client).safeParse(await queue.getWorkers());
  return clients.success ? clients.data.map(({ addr, age }) => ({ address: addr, connectedS: age })) : null;
}
