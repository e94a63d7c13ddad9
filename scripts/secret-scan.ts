/**
 * The gate against secrets that slipped into the repository: every tracked file as it stands, and the last commit's version of those
 * that were changed since. A few rules for what is used here and around here, with no package of its own: scanners of npm bring a
 * hundred packages along, into the one check that is to keep others honest.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
/** A line of base64 or of a lock file's hashes can be long; a secret stands in a short one. */
const SHOWN = 12;

export type Rule = { readonly name: string; readonly finds: RegExp };

/** What no text of ours may hold. Each has one group: the secret, of which no more than the beginning is shown. */
export const RULES: readonly Rule[] = [
  { name: 'private key (PEM)', finds: /-----BEGIN ((?:[A-Z]+ )*PRIVATE KEY)-----/ },
  { name: 'API key of Quorum', finds: /\b(qk_[0-9a-f]{16}_[0-9a-f]{64})\b/ },
  {
    name: 'key of 32 bytes',
    finds:
      /(?:private_?key|priv_?key|mac_?key|secret|passphrase|password)\w*["']?\s*[:=]\s*["'`]?((?:0x)?[0-9a-f]{64})\b/i,
  },
  { name: 'keystore', finds: /"ciphertext"\s*:\s*"([0-9a-f]{64})"/i },
  { name: 'key of a model provider', finds: /\b(sk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{24,})/ },
  { name: 'token of GitHub', finds: /\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})\b/ },
  { name: 'token of npm', finds: /\b(npm_[A-Za-z0-9]{36})\b|:_auth[T]oken=(?!\$)\S+/ },
  { name: 'key of AWS', finds: /\b((?:AKIA|ASIA)[0-9A-Z]{16})\b/ },
  {
    name: 'token of Slack',
    finds: /\b(xox[abprs]-[A-Za-z0-9-]{20,}|hooks\.slack\.com\/services\/T[A-Z0-9]+\/B[A-Z0-9]+\/\w+)/,
  },
  { name: 'signed token (JWT)', finds: /\b(eyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})/ },
];

/** Files that hold secrets by what they are. */
const SECRET_FILES = /(^|\/)(\.env|\.npmrc|[^/]*\.(key|pem|p12|pfx|backup)|keystore[^/]*\.json|passphrase[^/]*)$/;

/** What is wrong with one text, a line for each finding. It never shows a secret, only where it stands. */
export function findSecrets(file: string, text: string): string[] {
  return text.split('\n').flatMap((line, at) =>
    RULES.flatMap(({ name, finds }) => {
      const found = finds.exec(line);
      return found === null ? [] : [`${file}:${at + 1}: ${name}: ${(found[1] ?? found[0]).slice(0, SHOWN)}…`];
    }),
  );
}

export type Scanned =
  | { readonly kind: 'scanned'; readonly files: number; readonly findings: readonly string[] }
  | { readonly kind: 'skipped'; readonly why: string };

/** Scans the repository that `root` is the top of. */
export async function scanRepository(root: string): Promise<Scanned> {
  // An image has no repository, and an export none either.
  if (!existsSync(path.join(root, '.git')))
    return { kind: 'skipped', why: 'this is no git checkout: nobody can say what is tracked' };
  const git = async (...args: readonly string[]): Promise<string> =>
    (await run('git', ['-C', root, ...args], { maxBuffer: MAX_OUTPUT_BYTES })).stdout;
  const names = (text: string): string[] => text.split('\0').filter(Boolean);
  try {
    const tracked = names(await git('ls-files', '-z'));
    const changed = names(await git('diff', '--name-only', '--diff-filter=MD', '-z', 'HEAD'));
    const findings: string[] = [];
    for (const file of tracked) {
      if (SECRET_FILES.test(file)) findings.push(`${file}: a file of this name holds a secret, and is tracked`);
      const full = path.join(root, file);
      if (existsSync(full)) findings.push(...findSecrets(file, await readFile(full, 'latin1').catch(() => '')));
    }
    for (const file of changed) findings.push(...findSecrets(`HEAD:${file}`, await git('show', `HEAD:${file}`)));
    findings.push(...findSecrets('the message of HEAD', await git('log', '-1', '--format=%B')));
    if (tracked.length === 0) return { kind: 'skipped', why: 'git knows of no file here' };
    return { kind: 'scanned', files: tracked.length, findings };
  } catch (error) {
    return { kind: 'skipped', why: `git cannot be asked: ${error instanceof Error ? error.message : String(error)}` };
  }
}
