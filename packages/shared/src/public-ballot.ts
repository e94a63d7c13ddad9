/** A ballot in the words of a public reason. Strangers word the labels, and whatever stands in a reason is said in the owner's name. */
import { describeBallot, type Ballot } from '@quorum/snapshot/ballot';
import { stripInvisible } from './invisible.ts';

/** A long ranking is cut here: the vote itself says it in full. */
const MAX_BALLOT = 300;

/**
 * A link, a mention or an address. Wallets and mail programs make links of bare domains too (`t.me/…`), so that only names under `.eth`,
 * which an election has, are taken for names, and these not with a path or a gateway behind them.
 */
const TO_FOLLOW =
  /:\/\/|\bwww\.|\]\(|@\s?[\p{L}\p{N}_]|0x[0-9a-f]{6,}|[\p{L}\p{N}]\.(?!eth(?![\p{L}\p{N}/]|\.\p{L}))\p{L}{2,}/iu;

/** The ballot as it may be published; null where a label leads its readers elsewhere. */
export function publicBallot(ballot: Ballot): string | null {
  const text = describeBallot(ballot);
  // As a reader sees it, and as whoever copies it pastes it.
  if (TO_FOLLOW.test(stripInvisible(text).text.normalize('NFKC'))) return null;
  if (text.length <= MAX_BALLOT) return text;
  return `${text.slice(0, MAX_BALLOT - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
