/**
 * `npm run keys`: the keys that an operator makes.
 *
 *     npm run -s keys -- create --owner alice --role user --name laptop     prints an API key, once
 *     npm run keys -- list                                                  every API key, without its secret
 *     npm run keys -- revoke ID                                             from the next request on it is worth nothing
 *
 * In compose: docker compose exec gateway node scripts/keys.ts …
 */
import { createKey, listKeys, revokeKey } from './keys-api.ts';
import { runSubcommand } from './subcommand.ts';

await runSubcommand('keys', { create: createKey, list: listKeys, revoke: revokeKey });
