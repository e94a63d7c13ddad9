/**
 * `npm run keys`: the keys that an operator makes.
 *
 *     npm run -s keys -- create --owner alice --role user --name laptop     prints an API key, once
 *     npm run keys -- list                                                  every API key, without its secret
 *     npm run keys -- revoke ID                                             from the next request on it is worth nothing
 *     npm run keys -- keystore --owner alice --voter 0x… --space a.eth      an encrypted alias key, and leave to vote with it
 *     npm run -s keys -- alias --owner alice                                the message by which the main wallet makes it one
 *     npm run keys -- alias --owner alice --signature 0x…                   … submitted, once the wallet has signed
 *     npm run -s keys -- end-chain --voter 0x… > chain.ndjson               an audit chain that cannot be gone on with, out of Redis
 *
 * In compose the first three are `docker compose exec gateway node scripts/keys.ts …`, the next two, which write what only the
 * voter reads, `docker compose run --rm signer-keys …`, and the last one as docs/operations/audit.md says.
 */
import { signAlias } from './keys-alias.ts';
import { createKey, listKeys, revokeKey } from './keys-api.ts';
import { endChain } from './keys-chain.ts';
import { makeKeystore } from './keys-keystore.ts';
import { runSubcommand } from './subcommand.ts';

await runSubcommand('keys', {
  create: createKey,
  list: listKeys,
  revoke: revokeKey,
  keystore: makeKeystore,
  alias: signAlias,
  'end-chain': endChain,
});
