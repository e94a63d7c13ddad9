/** A vote as the sandbox keeps it. */
import type { WorldVote } from './world.ts';

/** A vote as it is kept. `choice` is the encoded one: number, array or object. */
export type StoredVote = Required<Omit<WorldVote, 'vp_by_strategy'>> & { readonly vp_by_strategy: readonly number[] };
