/**
 * Which part may import which. `npm run check` also runs these rules over scripts/fixtures/boundaries, where each of them is
 * broken once: a rule that finds nothing there is dead, and fails the check.
 */
const PRODUCT = '^(services|packages)/';
/** Tests, and what only they use. */
const TESTS = '\\.test\\.ts$|^(services|packages)/[^/]+/test/';
const BULLMQ_AT_THE_EDGE = [
  '^packages/shared/src/(run-worker|redis)\\.ts$',
  '^services/[^/]+/src/worker\\.ts$',
  '^services/voter/src/seal-queue\\.ts$',
  '^services/(fetcher|voter)/src/queues\\.ts$',
  '^services/gateway/src/(queues|job-step|board)\\.ts$',
];

/** @param {string} name @param {string} comment @param {object} from @param {object} to */
const never = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    never(
      'snapshot-stands-alone',
      'packages/snapshot is the protocol: it knows no other part of ours.',
      { path: '^packages/snapshot/', pathNot: TESTS },
      { path: '^(services/|packages/(?!snapshot/))' },
    ),
    never(
      'shared-knows-snapshot-alone',
      'packages/shared lies below the services and beside the sandbox.',
      { path: '^packages/shared/', pathNot: TESTS },
      { path: '^(services/|packages/(?!shared/|snapshot/))' },
    ),
    never(
      'sandbox-knows-snapshot-alone',
      'The sandbox plays the outside world: sharing our code would make it share our mistakes.',
      { path: '^packages/sandbox/', pathNot: TESTS },
      { path: '^(services/|packages/(?!sandbox/|snapshot/))' },
    ),
    never(
      'services-use-shared-and-snapshot',
      'Production code knows nothing of the sandbox: only URLs differ.',
      { path: '^services/', pathNot: TESTS },
      { path: '^packages/(?!shared/|snapshot/)' },
    ),
    never(
      'no-service-imports-another',
      'Services talk through queues and records. What two of them need moves to packages/shared.',
      { path: '^services/([^/]+)/' },
      { path: '^services/(?!$1/)' },
    ),
    never(
      'product-without-tooling',
      'The product runs without scripts/, test/ and bench/; only its tests use them.',
      { path: PRODUCT, pathNot: TESTS },
      { path: '^(scripts|test|bench)/' },
    ),
    never(
      'nothing-imports-the-evaluation',
      'eval measures the product from outside; neither the product nor its tests and scripts need it.',
      { pathNot: '^eval/' },
      { path: '^eval/' },
    ),
    never(
      'evaluation-knows-the-decider-alone',
      'Of the services eval runs the decider, through its own functions, and needs no other.',
      { path: '^eval/' },
      { path: '^(services/(?!decider/)|bench/)' },
    ),
    never(
      'bullmq-at-the-edge',
      'Handlers return what to enqueue and throw our errors; run-worker and queues translate.',
      { path: PRODUCT, pathNot: [TESTS, ...BULLMQ_AT_THE_EDGE] },
      { path: '(^|node_modules/)bullmq(/|$)' },
    ),
    never(
      'dry-run-reaches-no-signer',
      'A dry run cannot sign, because no path leads from it to a key.',
      { path: '^services/voter/src/dry-run\\.ts$' },
      { path: '^services/voter/src/signer[^/]*\\.ts$', reachable: true },
    ),
    never('no-cycles', 'Modules that need each other are one module, or miss a third.', {}, { circular: true }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(\\.data|coverage|fixtures)/' },
    // Types count as imports too: they tie modules together just as well.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
