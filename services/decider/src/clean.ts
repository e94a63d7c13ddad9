/**
 * Step 1: what a person who reads the page would see, and no more, in a size that a model can take. Only title, body and
 * discussion: a label that can be voted for is never changed.
 */
import type { Proposal } from '@quorum/snapshot/proposal';
import { stripInvisible } from '@quorum/shared/invisible';
import { stripHtml } from './html.ts';
import { stripImages } from './images.ts';
import { fitsIn, headWithin, tailWithin } from './tokens.ts';

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
  /** The body before it was cut: stakes are read from it too. */
  readonly fullBody: string;
  /** Characters left out by cutting, all fields together; 0 where the model reads everything. */
  readonly cut: number;
  readonly removed: Removed;
};

const MAX_TITLE_TOKENS = 400;
const MAX_DISCUSSION_TOKENS = 400;
/** What the marker of a cut takes itself. */
const MARKER_TOKENS = 40;

/** `[//]: # (words)`: the usual way to write a comment in Markdown. */
const MARKDOWN_COMMENT = /^[ ]{0,3}\[[^\]\n]{0,200}\]:[ \t]*(?:#|<>)(?:[ \t]+(.*))?$/gm;

/** Cleans the texts of a proposal. `maxBodyTokens` bounds the body that the model reads. */
export function clean(proposal: Pick<Proposal, 'title' | 'body' | 'discussion'>, maxBodyTokens: number): Cleaned {
  const [title, body, discussion] = [stripAll(proposal.title), stripAll(proposal.body), stripAll(proposal.discussion)];
  const parts = [title, body, discussion];
  const cutTitle = cut(title.text, MAX_TITLE_TOKENS);
  const cutBody = cut(body.text, maxBodyTokens);
  const cutDiscussion = cut(discussion.text, MAX_DISCUSSION_TOKENS);
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
  const { text: withoutImages, images } = stripImages(plain.text);
  const hidden = [...plain.hidden];
  const text = withoutImages.replaceAll(MARKDOWN_COMMENT, (_comment, words: string | undefined) => {
    hidden.push(words ?? '');
    return '';
  });
  return { text: text.trim(), removed: { tags: plain.tags, images, invisible: visible.count, hidden } };
}

/** Cuts the middle out of a long text, at whole characters, and says so in its place. `left`: characters left out. */
export function cut(text: string, maxTokens: number): { text: string; left: number } {
  if (fitsIn(text, maxTokens)) return { text, left: 0 };
  // The summary comes first and the vote's terms often last: more of the head, but always the tail.
  const room = Math.max(0, maxTokens - MARKER_TOKENS);
  const headEnd = headWithin(text, room * 0.7);
  const tailStart = Math.max(headEnd, tailWithin(text, room * 0.3));
  const left = tailStart - headEnd;
  return {
    text: `${text.slice(0, headEnd)}\n\n[… ${left} characters of the proposal are left out here …]\n\n${text.slice(tailStart)}`,
    left,
  };
}
