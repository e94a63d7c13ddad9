/** A refusal in the sequencer's own words: answered with 400. */
export type Refused = { readonly kind: 'refused'; readonly why: string };

export function refuse(why: string): Refused {
  return { kind: 'refused', why };
}
