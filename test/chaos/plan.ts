/**
 * What is done to the product in a round, and when: a function of the seed and nothing else, so that a seed that failed can be played
 * again. When the processes get to run between two of these steps is the machine's affair, and may differ.
 */
import { createRandom, type Random } from './random.ts';

export const SPACES = ['chaos-a.eth', 'chaos-b.eth', 'chaos-c.eth'] as const;
export type ChaosSpace = (typeof SPACES)[number];
/** In each space and round; the second space asks its owner about every vote. */
export const PROPOSALS = 3;
export const HELD_SPACE: ChaosSpace = 'chaos-b.eth';
export const CHOICES = ['Build it', 'Leave it', 'Abstain'] as const;

const SERVICES = ['gateway', 'fetcher', 'decider', 'voter'] as const;
const UPSTREAMS = ['hub', 'model', 'sequencer'] as const;
export type Service = (typeof SERVICES)[number];
export type Upstream = (typeof UPSTREAMS)[number];

/** What an upstream does wrong, in the fields of the sandbox's control API. */
export type UpstreamFault = {
  readonly endpoint: Upstream;
  readonly count: number;
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly latency_ms?: number;
  readonly stored?: true;
  readonly cut?: 'before' | 'after';
};

export type Action =
  | { readonly kind: 'run'; readonly space: ChaosSpace; readonly dry_run: boolean }
  | { readonly kind: 'cancel' }
  /** The nth process of the service; it is started again after so long. */
  | { readonly kind: 'kill'; readonly service: Service; readonly nth: number; readonly back_ms: number }
  | { readonly kind: 'kill redis'; readonly back_ms: number }
  | { readonly kind: 'cut lines' }
  | { readonly kind: 'stall lines'; readonly for_ms: number }
  | { readonly kind: 'fault'; readonly fault: UpstreamFault }
  /** The owner votes with their own key, for the nth choice. */
  | { readonly kind: 'by hand'; readonly space: ChaosSpace; readonly nth: number; readonly choice: 1 | 2 | 3 }
  | { readonly kind: 'edit'; readonly space: ChaosSpace; readonly nth: number }
  | { readonly kind: 'clock'; readonly by_s: number }
  | { readonly kind: 'pause'; readonly for_ms: number }
  | { readonly kind: 'answer'; readonly answer: 'approve' | 'reject'; readonly choice: 1 | 2 | 3 | null }
  | { readonly kind: 'preferences'; readonly instructions: string };

export type Step = { readonly at_ms: number; readonly action: Action };

const ROUND_MS = 12_000;

/** The steps of a round, first to last. */
export function planRound(seed: number, round: number): readonly Step[] {
  const random = createRandom(seed * 1_000 + round);
  const steps: Step[] = SPACES.map((space, at) => ({
    at_ms: at * 200,
    action: { kind: 'run', space, dry_run: false },
  }));
  const count = random.between(14, 20);
  for (let nth = 0; nth < count; nth += 1) {
    steps.push({ at_ms: random.between(300, ROUND_MS), action: anAction(random) });
  }
  // Nobody's round is all quiet: each kills a worker, and each second one Redis.
  steps.push({ at_ms: random.between(500, ROUND_MS / 2), action: aKill(random) });
  if (round % 2 === 0)
    steps.push({
      at_ms: random.between(500, ROUND_MS),
      action: { kind: 'kill redis', back_ms: random.between(100, 1_500) },
    });
  return steps.toSorted((a, b) => a.at_ms - b.at_ms);
}

function aKill(random: Random): Action {
  return {
    kind: 'kill',
    service: random.oneOf(SERVICES),
    nth: random.between(0, 1),
    back_ms: random.between(100, 2_000),
  };
}

function anAction(random: Random): Action {
  const space = random.oneOf(SPACES);
  const nth = random.between(0, PROPOSALS - 1);
  const lot = random.between(0, 99);
  if (lot < 18) return { kind: 'run', space, dry_run: random.next() < 0.35 };
  if (lot < 22) return { kind: 'cancel' };
  if (lot < 38) return aKill(random);
  if (lot < 42) return { kind: 'cut lines' };
  if (lot < 45) return { kind: 'stall lines', for_ms: random.between(200, 2_500) };
  if (lot < 70) return { kind: 'fault', fault: aFault(random) };
  if (lot < 78) return { kind: 'by hand', space, nth, choice: random.oneOf([1, 2, 3]) };
  if (lot < 81) return { kind: 'edit', space, nth };
  if (lot < 84) return { kind: 'clock', by_s: random.between(-60, 60) };
  if (lot < 88) return { kind: 'pause', for_ms: random.between(300, 3_000) };
  if (lot < 97)
    return {
      kind: 'answer',
      answer: random.next() < 0.7 ? 'approve' : 'reject',
      choice: random.oneOf([null, null, 1, 3]),
    };
  return { kind: 'preferences', instructions: random.oneOf(['Leave things as they are.', 'Keep the harbour quiet.']) };
}

function aFault(random: Random): UpstreamFault {
  const endpoint = random.oneOf(UPSTREAMS);
  const common = { endpoint, count: random.between(1, 3) };
  switch (random.between(0, 8)) {
    case 0:
      return { ...common, status: 429, headers: { 'retry-after': '1' }, body: { error: 'too many requests' } };
    case 1:
      return { ...common, status: 500, body: { error: 'server_error', error_description: 'try again' } };
    case 2:
      return { ...common, status: 503 };
    case 3:
      return { ...common, status: 502, body: '<html>Bad gateway</html>' };
    case 4:
      return { ...common, status: 200, body: '{"data":' };
    case 5:
      return { ...common, latency_ms: random.between(300, 2_500) };
    case 6:
      return { ...common, cut: 'before' };
    case 7:
      return { ...common, cut: 'after' };
    default:
      return endpoint === 'sequencer' ? { ...common, status: 500, stored: true } : { ...common, status: 504 };
  }
}
