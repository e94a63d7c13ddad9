/** Who may sign for whom: found by the pair and by the alias, however many there are. */
import type { WorldAlias } from './world.ts';

export type AliasBook = {
  list(): readonly WorldAlias[];
  /** Puts a pair, in the place of the same pair. */
  put(alias: WorldAlias): void;
  pair(address: string, alias: string): WorldAlias | null;
  /** All for whom this alias signs. */
  holders(alias: string): readonly WorldAlias[];
};

export function createAliasBook(): AliasBook {
  const byAlias = new Map<string, Map<string, WorldAlias>>();
  const holders = (alias: string): Map<string, WorldAlias> => byAlias.get(alias.toLowerCase()) ?? new Map();
  return {
    list: () => [...byAlias.values()].flatMap((pairs) => [...pairs.values()]),
    put: (alias) => {
      const pairs = holders(alias.alias);
      pairs.set(alias.address.toLowerCase(), alias);
      byAlias.set(alias.alias.toLowerCase(), pairs);
    },
    pair: (address, alias) => holders(alias).get(address.toLowerCase()) ?? null,
    holders: (alias) => [...holders(alias).values()],
  };
}
