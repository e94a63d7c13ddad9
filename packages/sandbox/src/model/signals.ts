/** The word lists of the `careful` persona: what it counts for and against a proposal. Crude on purpose, and the same every time. */

export type Signal = {
  /** The words of the text that gave it away, with a few around them. */
  readonly quote: string;
  readonly weight: number;
};

export type Signals = { readonly benefits: readonly Signal[]; readonly flags: readonly Signal[] };

const FLAGS: readonly (readonly [RegExp, number])[] = [
  [/unlimited|uncapped|no (?:upper )?cap\b|without (?:a|any) cap|sin (?:límite|limite|tope)/iu, 3],
  [
    /(?:skip|bypass|waive)\w* (?:the |any |all )?(?:\w+ )?(?:review|audit|timelock)|no audit|unaudited|without (?:an? |any )?(?:audit|review)|sin auditor[ií]a|未经审计/iu,
    3,
  ],
  [/(?:without|no|removes? the|bypass\w* the) (?:a )?timelock|不设时间锁/iu, 3],
  [/\bmint(?:s|ed|ing|er)?\b|acuñar/iu, 2],
  [/single (?:signer|key|wallet)|sole control|one signer|1-of-\d/iu, 2],
  [/guaranteed (?:returns?|yield|profit)|risk-free|connect your wallet|seed phrase|claim your/iu, 4],
  [/undisclosed|not disclosed|anonymous recipient|no se ha publicado/iu, 2],
  [/no (?:clawback|reporting|refund)|without (?:any )?reporting/iu, 2],
  [/dilut(?:e|es|ion|ing)\b/iu, 1],
  [/\burgent(?:ly|e)?\b|\bimmediately\b|emergency|立即生效/iu, 1],
  [/irrevocabl[ey]|irreversibl[ey]|cannot be undone|不可撤销/iu, 1],
  [
    /untested|unproven|no (?:precedent|data)|not (?:been )?(?:measured|modelled|tested)|(?:have|has) not worked|has never (?:run|been)/iu,
    1.5,
  ],
  [/\bexploited\b|\bhacked\b/iu, 2],
  [/depends? on a (?:single|sole)|concentrat(?:e|es|ion)/iu, 1],
];

const BENEFITS: readonly (readonly [RegExp, number])[] = [
  [/audit(?:s|ed|or|ors)?\b|auditor[ií]as?\b|审校|审计/iu, 1.5],
  [/milestones?\b|hitos?\b|里程碑|مراحل/iu, 1.5],
  [/\bcap(?:s|ped)?\b|\bat most\b|no more than|\btope\b|como máximo|上限|الحد الأعلى/iu, 1],
  [/\bvest(?:s|ed|ing)\b/iu, 1],
  [
    /transparen(?:t|cy|cia|te)|publish(?:es|ed)? (?:every|each|monthly)|(?:monthly|quarterly|weekly) reports?|informes? (?:mensual|trimestral)\w*|每月公布|تقارير شهرية/iu,
    1,
  ],
  [/clawback|returns? to the treasury|unspent|vuelven? a la tesorer[ií]a|退回金库|إلى الخزينة/iu, 1],
  [/timelock/iu, 1],
  [/track record|delivered|shipped|in production|ha entregado/iu, 1],
  [/open[- ]source|MIT licen[cs]e|código abierto|开源|开放许可/iu, 1],
  [/simulat(?:ed|ion)|backtest(?:ed)?|modelled on/iu, 1],
  [/\bpilot\b|\btrial\b|sunset|\bpiloto\b/iu, 0.5],
  [/reversible|rolled back|be reverted/iu, 0.5],
  [/multisig|多签/iu, 0.5],
  [/\bquorum\b(?!-)|attend(?:s|ed|ance)|office hours/iu, 0.5],
];

/** Each pattern counts once. Red flags are read first and taken out, so that 'no cap' is not also a cap. */
export function readSignals(text: string): Signals {
  let rest = text;
  const flags: Signal[] = [];
  for (const [pattern, weight] of FLAGS) {
    const found = pattern.exec(rest);
    if (!found) continue;
    flags.push({ quote: around(rest, found.index, found[0].length), weight });
    rest = rest.replaceAll(new RegExp(pattern, 'giu'), '\u0000');
  }
  const benefits: Signal[] = [];
  for (const [pattern, weight] of BENEFITS) {
    const found = pattern.exec(rest);
    if (found) benefits.push({ quote: around(rest, found.index, found[0].length), weight });
  }
  return { benefits, flags };
}

export function weigh(signals: readonly Signal[]): number {
  return signals.reduce((sum, { weight }) => sum + weight, 0);
}

/** The found words with up to three words of the same line on each side. */
function around(text: string, start: number, length: number): string {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const lineEnd = text.indexOf('\n', start + length);
  const before = text.slice(lineStart, start).split(' ').slice(-4).join(' ');
  const after = text
    .slice(start + length, lineEnd === -1 ? undefined : lineEnd)
    .split(' ')
    .slice(0, 4)
    .join(' ');
  const quote = `${before}${text.slice(start, start + length)}${after}`;
  return quote
    .replaceAll('\u0000', '…')
    .replace(/[*_`#>|]/g, '')
    .replace(/^\s*[-•]\s/, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[.,;:]$/, '');
}
