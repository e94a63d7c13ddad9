/** The settings schemas of the services, and what all of them together know. */
import { settingsOf, type Setting } from '@quorum/shared/settings';
import { DeciderConfig } from '@quorum/decider/config';
import { FetcherConfig } from '@quorum/fetcher/config';
import { GatewayConfig } from '@quorum/gateway/config';
import { VoterConfig } from '@quorum/voter/config';
import type { z } from 'zod';
import { SERVICES, type ServiceName } from './services.ts';

export const SCHEMAS = {
  gateway: GatewayConfig,
  fetcher: FetcherConfig,
  decider: DeciderConfig,
  voter: VoterConfig,
} as const satisfies Record<ServiceName, z.ZodObject>;

/** A setting, as each service that has it sees it. */
export type NamedSetting = {
  readonly name: string;
  readonly uses: readonly { readonly service: ServiceName; readonly setting: Setting }[];
};

/** Every setting of every service, by name. */
export function allSettings(): NamedSetting[] {
  const uses = SERVICES.flatMap((service) => settingsOf(SCHEMAS[service]).map((setting) => ({ service, setting })));
  const byName = Map.groupBy(uses, ({ setting }) => setting.name);
  return [...byName].map(([name, of]) => ({ name, uses: of })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
