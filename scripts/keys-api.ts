/** `npm run keys -- create | list | revoke`: the API keys by which people and programs use the gateway. */
import path from 'node:path';
import { createApiKeys, Role, ROLES, type ApiKeys, type Listed } from '@quorum/shared/api-keys';
import { readKeyFile } from '@quorum/shared/secret-file';
import { printable } from '@quorum/snapshot/printable';
import { OperatorError, withRedis, type Operator } from './operator.ts';
import { SECRETS } from './secrets.ts';
import { parseOwner, parseUsage, wrongUsage, type Subcommand } from './subcommand.ts';
import { pad, textWidth } from './text-width.ts';

const CREATE = `create --owner OWNER --role ${ROLES.join('|')} [--name "what it is for"]`;

export const createKey: Subcommand = {
  usage: CREATE,
  does: 'makes an API key and prints it, once; nothing else goes to stdout',
  async run(operator, args) {
    const options = { owner: { type: 'string' }, role: { type: 'string' }, name: { type: 'string' } } as const;
    const { values } = parseUsage(CREATE, args, { options });
    const owner = parseOwner(CREATE, values.owner);
    const role = Role.safeParse(values.role);
    if (!role.success) throw wrongUsage(CREATE, `--role must be one of ${ROLES.join(', ')}.`);
    const wanted = { owner, role: role.data, name: values.name ?? '', nowMs: Date.now() };
    const { key, text } = await withApiKeys(operator, (apiKeys) => apiKeys.create(wanted));
    process.stderr.write(`✓ Key ${key.id} acts for ${key.owner} as ${key.role}. It is shown this once:\n`);
    process.stdout.write(`${text}\n`);
  },
};

const LIST = 'list';

export const listKeys: Subcommand = {
  usage: LIST,
  does: 'shows every API key, without its secret',
  async run(operator, args) {
    parseUsage(LIST, args, {});
    const listed = await withApiKeys(operator, (apiKeys) => apiKeys.list());
    process.stdout.write(`${table(listed)}\n`);
    if (listed.some(({ kind }) => kind === 'forged')) {
      process.stderr.write(
        '✗ A forged record was not made with this gateway/mac.key, or was changed since; it lets nobody in.\n' +
          '→ If you did not replace that file, somebody else can write to your Redis. Take it away with: revoke ID\n',
      );
    }
  },
};

const REVOKE = 'revoke ID';

export const revokeKey: Subcommand = {
  usage: REVOKE,
  does: 'takes an API key away; from the next request on it is worth nothing',
  async run(operator, args) {
    const { positionals } = parseUsage(REVOKE, args, { allowPositionals: true });
    const [id] = positionals;
    // Whoever pastes a whole key shall not see it again, in an error or a log.
    if (id === undefined || positionals.length !== 1 || id.startsWith('qk_')) {
      throw wrongUsage(REVOKE, 'ID is what stands in the first column of the list.');
    }
    const existed = await withApiKeys(operator, (apiKeys) => apiKeys.revoke(id));
    if (!existed) throw new OperatorError('There is no key of this ID.\n→ See which there are with: list');
    process.stdout.write(`Key ${id} is revoked.\n`);
  },
};

async function withApiKeys<T>(operator: Operator, work: (apiKeys: ApiKeys) => Promise<T>): Promise<T> {
  const macKey = readKeyFile(path.join(operator.secrets, SECRETS.gatewayMacKey));
  return await withRedis(operator, (redis) => work(createApiKeys(redis, macKey)));
}

function table(listed: readonly Listed[]): string {
  const head = ['ID', 'owner', 'role', 'ends in', 'created (UTC)', 'name'];
  const rows = listed.map((entry) => {
    // Whoever forged a record chose its id too.
    if (entry.kind === 'forged') return [printable(entry.id), '✗ forged'];
    const { id, owner, role, name, created_at, last_four } = entry.key;
    return [id, owner, role, `…${last_four}`, created_at.slice(0, 16).replace('T', ' '), name];
  });
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => textWidth(row[column] ?? ''))));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return all.map(line).join('\n');
}
