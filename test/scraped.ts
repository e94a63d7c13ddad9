/** Prometheus' text format as far as tests need it: the sums of samples over all processes. */

export type Sample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

/** The samples of some scrapes. */
export function samplesOf(texts: readonly string[]): Sample[] {
  return texts.flatMap((text) =>
    text.split('\n').flatMap((line): Sample[] => {
      const [, name, labels = '', value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === undefined) return [];
      const pairs = [...labels.matchAll(/([a-z_]+)="([^"]*)"/g)].map(
        ([, key = '', text_ = '']) => [key, text_] as const,
      );
      return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
    }),
  );
}

/** The sums of a metric by these labels, written `one/other`; what is 0 is left out. */
export function sumsBy(samples: readonly Sample[], name: string, by: readonly string[]): Record<string, number> {
  const found = samples.filter((sample) => sample.name === name && sample.value !== 0);
  const groups = Map.groupBy(found, ({ labels }) => by.map((label) => labels[label] ?? '').join('/'));
  return Object.fromEntries(
    [...groups].map(([key, all]) => [key, all.reduce((sum, { value }) => sum + value, 0)] as const).toSorted(byName),
  );
}

/** How often each of these occurs. */
export function tally(keys: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    [...Map.groupBy(keys, (key) => key)].map(([key, all]) => [key, all.length] as const).toSorted(byName),
  );
}

function byName([a]: readonly [string, number], [b]: readonly [string, number]): number {
  return a < b ? -1 : Number(a > b);
}
