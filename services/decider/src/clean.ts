/**
 * Step 1: what a person who reads the page would see, and no more, in a size that a model can take. Only title, body and
 * discussion: a label that can be voted for is never changed.
 */
import type { Proposal } from '@quorum/snapshot/proposal';
import { stripHtml } from './html.ts';
import { stripInvisible } from './invisible.ts';

/** What was taken out. Counts, and the words that were hidden. */
type Removed = {
  readonly tags: number;
  readonly images: number;
  readonly invisible: number;
  readonly hidden: readonly string[];
};

export type Cleaned = {
  readonly title: string;
  readonly body: string;
  readonly discussion: string;
  /** The body before it was cut: what stakes and alarms are read from. */
  readonly fullBody: string;
  /** Characters left out by cutting, all fields together; 0 where the model reads everything. */
  readonly cut: number;
  readonly removed: Removed;
};

const MAX_TITLE = 1_000;
const MAX_DISCUSSION = 1_000;

/** `![alt](target)` and `![alt][reference]`: an image is not read, and its text is not seen. */
const IMAGE = /!\[[^\]\n]{0,1000}\](?:\([^()\n]{0,2000}\)|\[[^\]\n]{0,200}\])/g;
/** `[//]: # (words)`: the usual way to write a comment in Markdown. */
const MARKDOWN_COMMENT = /^[ ]{0,3}\[[^\]\n]{0,200}\]:[ \t]*(?:#|<>)(?:[ \t]+(.*))?$/gm;

/** Cleans the texts of a proposal. `maxBodyChars` bounds the body that the model reads. */
export function clean(proposal: Pick<Proposal, 'title' | 'body' | 'discussion'>, maxBodyChars: number): Cleaned {
  const [title, body, discussion] = [stripAll(proposal.title), stripAll(proposal.body), stripAll(proposal.discussion)];
  const parts = [title, body, discussion];
  const cutTitle = cut(title.text, MAX_TITLE);
  const cutBody = cut(body.text, maxBodyChars);
  const cutDiscussion = cut(discussion.text, MAX_DISCUSSION);
  return {
    title: cutTitle.text,
    body: cutBody.text,
    discussion: cutDiscussion.text,
    fullBody: body.text,
    cut: cutTitle.left + cutBody.left + cutDiscussion.left,
    removed: {
      tags: parts.reduce((sum, part) => sum + part.removed.tags, 0),
      images: parts.reduce((sum, part) => sum + part.removed.images, 0),
      invisible: parts.reduce((sum, part) => sum + part.removed.invisible, 0),
      hidden: parts.flatMap((part) => part.removed.hidden),
    },
  };
}

function stripAll(source: string): { text: string; removed: Removed } {
  // First of all: a zero-width character could break up a tag that a browser would still not show.
  const visible = stripInvisible(source);
  const plain = stripHtml(visible.text);
  let images = 0;
  const hidden = [...plain.hidden];
  const text = plain.text
    .replaceAll(IMAGE, () => {
      images += 1;
      return '[image]';
    })
    .replaceAll(MARKDOWN_COMMENT, (_comment, words: string | undefined) => {
      hidden.push(words ?? '');
      return '';
    });
  return { text: text.trim(), removed: { tags: plain.tags, images, invisible: visible.count, hidden } };
}

/** Cuts the middle out of a long text, at whole characters, and says so in its place. `left`: characters left out. */
export function cut(text: string, max: number): { text: string; left: number } {
  if (text.length <= max) return { text, left: 0 };
  // The summary comes first and the vote's terms often last: more of the head, but always the tail.
  const head = text.slice(0, Math.ceil(max * 0.7)).replace(/[\ud800-\udbff]$/, '');
  const tail = text.slice(text.length - Math.floor(max * 0.3)).replace(/^[\udc00-\udfff]/, '');
  const left = text.length - head.length - tail.length;
  return { text: `${head}\n\n[… ${left} characters of the proposal are left out here …]\n\n${tail}`, left };
}
