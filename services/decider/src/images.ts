/**
 * Takes Markdown's images out of a text: an image is not read, and its words are not seen. By the letter of CommonMark, for both
 * mistakes are an author's to use: words that a model reads and nobody sees, and words that everybody sees and no model reads.
 */

/** One pair of brackets within, no blank line: that would end the paragraph. */
const ALT = String.raw`(?:[^[\]\\\n]|\\[^\n]|\n(?![ \t]*\n)|\[(?:[^[\]\\\n]|\\[^\n]){0,200}\]){0,1000}`;
const TARGET = String.raw`<[^<>\n]{0,2000}>|(?:[^\s()<\\]|\\\S|\([^\s()]{0,500}\)){1,2000}`;
const TITLE = String.raw`"(?:[^"\\]|\\[^]){0,1000}"|'(?:[^'\\]|\\[^]){0,1000}'|\((?:[^()\\]|\\[^]){0,1000}\)`;
/** `![alt](target "title")`, `![alt][reference]`, `![reference][]` and `![reference]`. */
const IMAGE = new RegExp(
  String.raw`!\[(${ALT})\](?:(\([ \t\n]{0,20}(?:${TARGET})?(?:[ \t\n]{1,20}(?:${TITLE}))?[ \t\n]{0,20}\))|\[([^[\]\n]{0,200})\])?`,
  'g',
);
const DEFINITION = /^ {0,3}\[([^[\]]{1,200})\]:[ \t]*\S/;

/** Puts `[image]` in the place of each. */
export function stripImages(text: string): { readonly text: string; readonly images: number } {
  const defined = definedIn(text);
  let images = 0;
  const without = text.replaceAll(
    IMAGE,
    (whole: string, alt: string, target: string | undefined, reference: string | undefined) => {
      // Where nothing is defined by that name it is no image: a page shows the words as they stand.
      if (target === undefined && !defined.has(nameOf(reference || alt))) return whole;
      images += 1;
      return '[image]';
    },
  );
  return { text: without, images };
}

/** The names of references. Within a paragraph nothing is defined. */
function definedIn(text: string): Set<string> {
  const names = new Set<string>();
  let mayDefine = true;
  for (const line of text.split('\n')) {
    const name: string | undefined = mayDefine ? DEFINITION.exec(line)?.[1] : undefined;
    if (name !== undefined) names.add(nameOf(name));
    mayDefine = name !== undefined || line.trim() === '';
  }
  return names;
}

function nameOf(reference: string): string {
  return reference.trim().replaceAll(/\s+/g, ' ').toLowerCase();
}
