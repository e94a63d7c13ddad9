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
const HIDING =
  /\shidden(?=[\s=/>])|display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d]*[1-9])/i;

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
    if (BREAKS.has(tag.name)) kept.push('\n');
    if (tag.closing || tag.selfClosing || VOID.has(tag.name)) continue;
    if (UNSHOWN.has(tag.name) || HIDING.test(tag.source)) {
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
