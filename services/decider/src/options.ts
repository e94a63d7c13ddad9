/**
 * The proposal's choices as the model sees them: each under a short key, in an order that differs from sample to sample, so that
 * a liking for the first place cannot add up. The key leads back to the option; the label in the text is for the model alone.
 */
import type { Option } from '@quorum/snapshot/ballot';
import { stripInvisible } from '@quorum/shared/invisible';

export type KeyedOption = {
  /** `A: For`: what the model must say, letter for letter. */
  readonly key: string;
  readonly option: Option;
  /** Whether another choice looks the same. No vote can be meant for one of them alone. */
  readonly ambiguous: boolean;
};

/** Choices under letters, in the order given: `order[0]` is the index (from 1) of the choice that becomes A. */
export function keyOptions(choices: readonly string[], order: readonly number[]): KeyedOption[] {
  const looks = choices.map(look);
  return order.map((index, at) => {
    const label = choices[index - 1];
    if (label === undefined) throw new RangeError(`There is no choice ${index}`);
    const same = looks.filter((other) => other === look(label));
    return { key: `${letters(at)}: ${shown(label)}`, option: { index, label }, ambiguous: same.length > 1 };
  });
}

/** A label on one line and without characters that nobody sees; the same as the label for any ordinary one. */
function shown(label: string): string {
  return stripInvisible(label).text.replaceAll(/[\n\t]/g, ' ');
}

/** What two labels have in common that a reader cannot tell apart. */
function look(label: string): string {
  return shown(label).normalize('NFKC').replaceAll(/\s+/gu, ' ').trim();
}

/** A … Z, AA, AB …, for 0, 1, 2 … */
export function letters(at: number): string {
  const last = String.fromCharCode(65 + (at % 26));
  return at < 26 ? last : `${letters(Math.floor(at / 26) - 1)}${last}`;
}
