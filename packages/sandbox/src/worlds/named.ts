/** The worlds that come with the sandbox, by the names that its command line knows. */
import type { World } from '../world.ts';
import { demoWorld } from './demo.ts';
import { emptyWorld } from './empty.ts';
import { sixSpacesWorld } from './six-spaces.ts';

const WORLDS = {
  demo: demoWorld,
  empty: emptyWorld,
  'six-spaces': sixSpacesWorld,
} as const satisfies Record<string, (options: { readonly now: number }) => World>;

export type WorldName = keyof typeof WORLDS;

export const WORLD_NAMES: readonly string[] = Object.keys(WORLDS);

export function isWorldName(name: string): name is WorldName {
  return Object.hasOwn(WORLDS, name);
}

/** `now` in Unix seconds: what its windows are relative to. */
export function worldNamed(name: WorldName, options: { readonly now: number }): World {
  return WORLDS[name](options);
}
