/** The annex of the long proposal: made from parts when the world is loaded, because 90 KB of it need not be stored. */

/** Together with what stands around it, the body comes to about 90 KB. */
const LINES = 664;

const PLACES = ['Mindelo', 'Tartu', 'Cuenca', 'Gweru', 'Da Nang', 'Leeuwarden', 'Iquique', 'Banjul', 'Oulu', 'Pokhara'];
const ITEMS = [
  'sensor batteries',
  'translation',
  'a second-hand van',
  'printing',
  'court fees',
  'calibration',
  'hosting',
];
const REASONS = [
  'the offer of last year still holds, in writing, and the supplier has delivered twice on time',
  'three offers were compared; the cheapest was not taken, because its reports were not published',
  'the local group pays half of it and keeps the receipts open for anybody to read',
  'it was cut by a fifth after the members’ call, and the rest is paid by milestones',
];

/** Numbered budget lines under a heading for every forty of them; the same in every call. */
export function annex(): string {
  return Array.from({ length: LINES }, (_, at) => {
    const heading = at % 40 === 0 ? `\n### Annex, part ${at / 40 + 1}\n\n` : '';
    const place = PLACES[(at * 7) % PLACES.length] ?? '';
    const item = ITEMS[(at * 5) % ITEMS.length] ?? '';
    const reason = REASONS[(at * 3) % REASONS.length] ?? '';
    const sum = 400 + ((at * 7_919) % 6_100);
    return `${heading}${at + 1}. ${place}: ${item}, at most ${sum} USDC; ${reason}.`;
  }).join('\n');
}
