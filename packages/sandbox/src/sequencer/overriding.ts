/** Strategies that let a vote take power back from a delegate: the power of a vote under one of them stays pending until the end. */
const OVERRIDING: ReadonlySet<string> = new Set([
  'aura-vlaura-vebal-with-overrides',
  'balance-of-with-linear-vesting-power',
  'balancer-delegation',
  'cyberkongz',
  'cyberkongz-v2',
  'delegation',
  'delegation-with-cap',
  'delegation-with-overrides',
  'erc20-balance-of-delegation',
  'erc20-balance-of-fixed-total',
  'erc20-balance-of-quadratic-delegation',
  'erc20-votes-with-override',
  'esd-delegation',
  'ocean-dao-brightid',
  'orbs-network-delegation',
  'api-v2-override',
  'rocketpool-node-operator-delegate-v8',
]);

export function isOverriding({
  name,
  params,
}: {
  readonly name: string;
  readonly params: Record<string, unknown>;
}): boolean {
  if (name === 'split-delegation') return Boolean(params['delegationOverride']);
  return OVERRIDING.has(name.toLowerCase());
}
