/** What every `npm run …` does. Plain JavaScript, as `bootstrap.mjs` reads it on any Node. */
import path from 'node:path';

/**
 * Programs to run one after the other; `needs` names what the command wants beside Node and the packages.
 *
 * @param {string} data the folder in which everything is kept
 */
export function commandsIn(data) {
  return {
    start: {
      does: 'set up, start the services and do one run',
      run: [['node', 'scripts/start.ts']],
      needs: ['redis'],
      // Six processes load much the same modules: compiled once, a start takes a fifth less CPU.
      env: { NODE_COMPILE_CACHE: path.join(data, 'compile-cache') },
    },
    test: { does: 'all checks, and all tests but the long ones', run: [['node', 'scripts/test.ts']], needs: ['redis'] },
    'test:slow': { does: 'the long proofs', run: [['node', 'scripts/test.ts', '--slow']], needs: ['redis'] },
    'test:containers': {
      does: 'what wants a container engine',
      run: [['node', 'scripts/test.ts', '--containers']],
      needs: ['redis'],
    },
    'test:load': { does: 'ten thousand runs, measured', run: [['node', 'test/load/main.ts']], needs: ['redis'] },
    'test:testnet': { does: 'vote on the test net', run: [['node', 'scripts/test.ts', '--testnet']], needs: ['redis'] },
    'test:mutation': { does: 'whether tests notice mistakes', run: [['node', 'scripts/mutation.ts']] },
    'test:chaos': { does: 'break everything by a seed', run: [['node', 'test/chaos/main.ts']], needs: ['redis'] },
    check: { does: 'types, lint, format, dead code, boundaries', run: [['node', 'scripts/check.ts']] },
    format: { does: 'mend format and lint', run: [['oxfmt'], ['oxlint', '--type-aware', '--fix']] },
    sandbox: { does: 'the local stand-in for Snapshot and a model', run: [['node', 'packages/sandbox/src/main.ts']] },
    config: { does: 'print the settings that npm start would use', run: [['node', 'scripts/print-config.ts']] },
    docs: {
      does: 'write the pages anew that are made: settings, API, metrics, log lines',
      run: [['node', 'scripts/write-docs.ts']],
    },
    bench: { does: 'measure what has a budget', run: [['node', 'bench/main.ts']], needs: ['redis'] },
    eval: { does: 'measure how the decider decides, and what steers it', run: [['node', 'eval/src/main.ts']] },
    setup: { does: 'make the secrets that are missing', run: [['node', 'scripts/setup.ts']] },
    status: { does: 'see queues, workers, runs, holds and what is due', run: [['node', 'scripts/status.ts']] },
    trace: { does: 'see where the time of a run went', run: [['node', 'scripts/trace.ts']] },
    doctor: { does: 'look for whatever is set up wrong', run: [['node', 'scripts/doctor.ts']] },
    'audit:verify': { does: 'verify an exported audit chain', run: [['node', 'scripts/audit-verify.ts']] },
    backup: { does: 'keep what Quorum has in one file', run: [['node', 'scripts/backup.ts']], needs: ['redis'] },
    restore: { does: 'put a backup back', run: [['node', 'scripts/restore.ts']], needs: ['redis'] },
    keys: { does: 'make API keys and signers, sign an alias', run: [['node', 'scripts/keys.ts']] },
  };
}
