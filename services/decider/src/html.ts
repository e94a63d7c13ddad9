/**
 * Takes HTML out of Markdown in one pass from left to right, so that a long text of nothing but `<` costs no more than another.
 * Text between tags stays; comments, scripts, styles and elements that are hidden go with all that is in them, and what they hid
 * is reported.
 */

export type WithoutHtml = {
  readonly text: string;
  readonly tags: number;
  /** What a reader of the page would not have seen: comments and hidden elements, in their order. */
  readonly hidden: readonly string[];
};

type Tag = { readonly name: string; readonly closing: boolean; readonly selfClosing: boolean; readonly source: string };

/** No tag is longer; bounds the search for an end that never comes. */
const MAX_TAG = 20_000;

const VOID = new Set([
  'area',
  'base',
  'br',
  'col',
  'embed',
  'hr',
  'img',
  'input',
  'link',
  'meta',
  'source',
  'track',
  'wbr',
]);
const UNSHOWN = new Set(['script', 'style', 'template', 'noscript', 'head', 'title', 'iframe', 'object', 'svg']);
const BREAKS = new Set(['br', 'p', 'div', 'li', 'tr', 'td', 'th', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr']);
/** Ways to show nothing: not there, no size, no colour, the colour of the page, or far beside it. */
const HIDING = [
  /\s(?:hidden|inert)(?=[\s=/>])/i,
  /display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|content-visibility\s*:\s*hidden/i,
  /opacity\s*:\s*(?:0?\.0\d*|0(?![.\d]*[1-9]))/i,
  /font-size\s*:\s*(?:0?\.\d+|[0-2](?:\.\d+)?\s*(?:px|pt)|0(?![.\d]))/i,
  /(?:max-)?(?:height|width)\s*:\s*[01](?:px|em|rem)?\s*(?:;|["'])/i,
  /(?:left|top|right|bottom|text-indent|margin(?:-left|-top)?)\s*:\s*-\d{3,}/i,
  /clip(?:-path)?\s*:\s*(?:rect\(\s*0|inset\(\s*(?:50|100)%|circle\(\s*0)/i,
  /transform\s*:\s*scale\(\s*0/i,
];
const PAGE_COLOUR =
  /(?:^|[^-])color\s*[:=]\s*["']?\s*(?:white\b|transparent\b|#f{3,4}\b|#f{6}(?:f{2})?\b|#[\da-f]{3}0\b|#[\da-f]{6}00\b|rgba?\(\s*255\s*,?\s*255\s*,?\s*255|rgba\([^)]{1,40},\s*0?(?:\.0\d*)?\s*\)|hsla?\([^)]{1,40}\b100%)/i;

/** Whether the style of a tag keeps a reader of the page from seeing what is in the element. */
function hides(source: string): boolean {
  const style = withEntities(source).replaceAll(/\/\*.{0,200}?\*\//gs, '');
  if (HIDING.some((pattern) => pattern.test(style))) return true;
  // White on a background of its own may be a heading that everybody sees.
  return PAGE_COLOUR.test(style) && !/background/i.test(style);
}

const NAMED: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  colon: ':',
};

/** Text with its character references turned into the characters; unknown ones stay. */
export function withEntities(text: string): string {
  return text.replaceAll(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,5}));/gi,
    (whole: string, hex: string | undefined, decimal: string | undefined, name: string | undefined) => {
      if (name !== undefined) return NAMED[name.toLowerCase()] ?? whole;
      const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      const isCharacter = point > 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
      return isCharacter ? String.fromCodePoint(point) : whole;
    },
  );
}

/** Removes HTML until none is left: taking one tag away may join the halves of another. */
export function stripHtml(text: string): WithoutHtml {
  let result: WithoutHtml = { text, tags: 0, hidden: [] };
  // Each pass removes something or is the last; nesting deeper than this is an attack, and what remains is plain text.
  for (let pass = 0; pass < 5; pass += 1) {
    const next = stripOnce(result.text);
    if (next.text === result.text) break;
    result = { text: next.text, tags: result.tags + next.tags, hidden: [...result.hidden, ...next.hidden] };
  }
  return result;
}

function stripOnce(text: string): WithoutHtml {
  const kept: string[] = [];
  const hidden: string[] = [];
  let tags = 0;
  let at = 0;
  for (let open = text.indexOf('<'); open !== -1; open = text.indexOf('<', Math.max(at, open + 1))) {
    if (text.startsWith('<!--', open)) {
      const close = text.indexOf('-->', open + 4);
      kept.push(text.slice(at, open));
      // A comment without an end hides the rest of the page.
      hidden.push(text.slice(open + 4, close === -1 ? undefined : close));
      at = close === -1 ? text.length : close + 3;
      continue;
    }
    const tag = tagAt(text, open);
    if (tag === null) continue;
    kept.push(text.slice(at, open));
    tags += 1;
    at = open + tag.source.length;
    hidden.push(...wordsWithin(tag));
    if (BREAKS.has(tag.name)) kept.push('\n');
    if (tag.closing || tag.selfClosing || VOID.has(tag.name)) continue;
    if (UNSHOWN.has(tag.name) || hides(tag.source)) {
      const end = endOfElement(text, at, tag.name);
      hidden.push(text.slice(at, end.contentEnd));
      at = end.after;
    }
  }
  kept.push(text.slice(at));
  return { text: kept.join(''), tags, hidden };
}

/** The tag that begins at this `<`, or null where it is only a less-than sign or a bare link. */
function tagAt(text: string, open: number): Tag | null {
  const head = /^<(\/?)([a-z][a-z0-9-]*)(?=[\s/>])|^<([!?])/i.exec(text.slice(open, open + 64));
  if (head === null) return null;
  const end = endOfTag(text, open + head[0].length);
  if (end === null) return null;
  const source = text.slice(open, end);
  return {
    name: (head[2] ?? '').toLowerCase(),
    closing: head[1] === '/',
    selfClosing: head[3] !== undefined || source.endsWith('/>'),
    source,
  };
}

/**
 * What stands in a tag and is neither its name nor an attribute with a value: prose, where an author relies on a page that shows
 * tags as they are written, or shows what is no tag to it. One word is an attribute like `hidden`.
 */
function wordsWithin({ source }: Tag): string[] {
  const bare = source
    .replace(/^<\/?(?:[a-z][a-z0-9-]*|!doctype\s)/i, '')
    .replaceAll(/[\w:@.-]{1,100}\s{0,20}=\s{0,20}(?:"[^"]*"|'[^']*'|[^\s"'<>]+)/g, ' ')
    .replace(/[/?>]{1,3}$/, '')
    .trim();
  return /\s/.test(bare) ? [bare] : [];
}

/** The position after the `>` that ends a tag; one within quotes does not. Null where there is none. */
function endOfTag(text: string, from: number): number | null {
  let quote = '';
  const limit = Math.min(text.length, from + MAX_TAG);
  for (let at = from; at < limit; at += 1) {
    const char = text.charAt(at);
    if (quote !== '') {
      if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '>') return at + 1;
    else if (char === '<') return null;
  }
  return null;
}

/** Where the content of an element ends and where the text goes on, counting elements of the same name within it. */
function endOfElement(text: string, from: number, name: string): { contentEnd: number; after: number } {
  const tag = new RegExp(`<(/?)${name}(?=[\\s/>])[^<>]{0,${MAX_TAG}}>`, 'gi');
  tag.lastIndex = from;
  let depth = 1;
  for (let found = tag.exec(text); found !== null; found = tag.exec(text)) {
    depth += found[1] === '/' ? -1 : 1;
    if (depth === 0) return { contentEnd: found.index, after: tag.lastIndex };
  }
  return { contentEnd: text.length, after: text.length };
}
