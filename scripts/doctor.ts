/**
 * `npm run doctor`: looks for whatever an operator can get wrong, and says of each: fine, or what to do. It changes nothing.
 *
 *     npm run doctor                    exit code 1 if anything is broken; warnings do not count
 *     npm run -s doctor -- --json       the findings as one line of JSON
 *
 * In compose: docker compose run --rm doctor
 */
import { examine } from './doctor/examine.ts';
import type { Finding } from './doctor/finding.ts';
import { ROOT } from './root.ts';
import { readSources } from './settings-file.ts';
import { parseUsage } from './subcommand.ts';
import { pad, textWidth } from './text-width.ts';

const MARKS = { fine: '✓', warning: '!', broken: '✗', unchecked: '?' } as const;

async function main(): Promise<number> {
  const options = { json: { type: 'boolean', default: false } } as const;
  const { values } = parseUsage('npm run doctor -- [--json]', process.argv.slice(2), { options });
  const findings = await examine(readSources(process.env, ROOT));
  const count = (level: Finding['level']): number => findings.filter((finding) => finding.level === level).length;
  const isHealthy = count('broken') === 0;
  const text = values.json ? JSON.stringify({ healthy: isHealthy, findings }) : printed(findings, count);
  await new Promise((resolve) => process.stdout.write(`${text}\n`, resolve));
  return isHealthy ? 0 : 1;
}

function printed(findings: readonly Finding[], count: (level: Finding['level']) => number): string {
  const width = Math.max(...findings.map(({ check }) => textWidth(check)));
  const lines = findings.flatMap((finding) => {
    const [first = '', ...more] = finding.says.split('\n');
    return [
      `${MARKS[finding.level]} ${pad(finding.check, width)}  ${first}`,
      ...more.map((line) => `${' '.repeat(width + 4)}${line}`),
      ...('remedy' in finding ? [`${' '.repeat(width + 4)}→ ${finding.remedy}`] : []),
    ];
  });
  const warnings = count('warning') === 1 ? '1 warning' : `${count('warning')} warnings`;
  const unasked = count('unchecked') === 0 ? '' : `, ${count('unchecked')} not checked`;
  return [...lines, '', `${count('broken')} broken, ${warnings}, ${count('fine')} fine${unasked}`].join('\n');
}

try {
  // A Redis that hangs may leave a connection behind, which must not keep us.
  process.exit(await main());
} catch (error) {
  process.stderr.write(`✗ ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
