/**
 * `npm run keys -- end-chain`: prints an audit chain that cannot be gone on with, and takes it out of Redis, so that a new one begins.
 * That is for a key of the voter service that was lost, and for a chain that somebody altered; a good one is left as it is.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createAuditChain, ForgedHeadError } from '@quorum/shared/audit-chain';
import { keys } from '@quorum/shared/redis-keys';
import { readKeyFile } from '@quorum/shared/secret-file';
import { Address } from '@quorum/snapshot/proposal';
import { OperatorError, withRedis, type Operator } from './operator.ts';
import { SECRETS } from './secrets.ts';
import { parseUsage, wrongUsage, type Subcommand } from './subcommand.ts';

const USAGE = 'end-chain --voter 0x…   (with -s, and > chain.ndjson)';

export const endChain: Subcommand = {
  usage: USAGE,
  does: 'prints an audit chain that was not sealed with the key that is here, and ends it: a new one begins',
  async run(operator, args) {
    const { values } = parseUsage(USAGE, args, { options: { voter: { type: 'string' } } });
    const voter = Address.safeParse(values.voter);
    if (!voter.success) throw wrongUsage(USAGE, '--voter must be an Ethereum address.');
    await withRedis(operator, async (redis) => {
      const chain = createAuditChain(redis);
      await refuseWhatGoesOn(voter.data, chain, operator);
      let printed = 0;
      for await (const lines of chain.pages(voter.data)) {
        await print(`${lines.join('\n')}\n`);
        printed += lines.length;
      }
      // Whoever seals goes on with nothing behind a head that is not theirs: no record came meanwhile.
      await redis.del(keys.auditChain(voter.data));
      process.stderr.write(`The chain of ${voter.data} is ended, with ${printed} records. Keep what was printed.\n`);
    });
  },
};

async function refuseWhatGoesOn(
  voter: Address,
  chain: ReturnType<typeof createAuditChain>,
  operator: Operator,
): Promise<void> {
  const { seq } = await chain.head(voter, voterKeys(operator)).catch((error: unknown) => {
    if (error instanceof ForgedHeadError) return { seq: null };
    throw error;
  });
  if (seq === 0) throw new OperatorError(`${voter} has no audit chain.`);
  if (seq !== null) throw new OperatorError(`The chain of ${voter} was sealed with the key that is here, and goes on.`);
}

/** The voter service's key, and the one before it where that was kept. */
export function voterKeys({ secrets }: Pick<Operator, 'secrets'>): Buffer[] {
  const file = path.join(secrets, SECRETS.voterMacKey);
  const previous = `${file}.previous`;
  return [
    ...(existsSync(file) ? [readKeyFile(file)] : []),
    ...(existsSync(previous) ? [readKeyFile(previous, 'given')] : []),
  ];
}

function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
