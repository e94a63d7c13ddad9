/**
 * A reliability diagram: how often decisions were right against how sure they were, one panel a model. Where a bar ends below the
 * diagonal, the confidence promised too much. The number over a bar says how many decisions are in it.
 */
import { binned, calibrationError, type Judged } from './statistics.ts';

export type Panel = { readonly title: string; readonly judged: readonly Judged[] };

const SIDE = 240;
const MARGIN = { left: 44, top: 34, right: 16, bottom: 40 } as const;
const WIDTH = MARGIN.left + SIDE + MARGIN.right;
const HEIGHT = MARGIN.top + SIDE + MARGIN.bottom;
const TICKS = [0, 0.25, 0.5, 0.75, 1] as const;

/** The diagram as an SVG document. */
export function reliabilitySvg(panels: readonly Panel[]): string {
  const width = WIDTH * Math.max(1, panels.length);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT}" viewBox="0 0 ${width} ${HEIGHT}" font-family="sans-serif" font-size="11">`,
    '<title>How often decisions were right, by how sure they were</title>',
    `<rect width="${width}" height="${HEIGHT}" fill="#fff"/>`,
    ...panels.map(({ title, judged }, at) => panel(title, judged, at * WIDTH)),
    '</svg>',
    '',
  ].join('\n');
}

function panel(title: string, judged: readonly Judged[], shift: number): string {
  const error = calibrationError(judged);
  const said = error === null ? 'no decision' : `ECE ${error.toFixed(3)}, ${judged.length} decisions`;
  return [
    `<g transform="translate(${shift + MARGIN.left} ${MARGIN.top})">`,
    `<text x="0" y="-14">${escaped(`${title}: ${said}`)}</text>`,
    ...TICKS.map(tick),
    ...binned(judged).flatMap(({ from, to, count, accuracy }) =>
      accuracy === null ? [] : [bar(from, to - from, accuracy, count)],
    ),
    `<line x1="0" y1="${SIDE}" x2="${SIDE}" y2="0" stroke="#888" stroke-dasharray="4 3"/>`,
    `<rect width="${SIDE}" height="${SIDE}" fill="none" stroke="#444"/>`,
    `<text x="${SIDE / 2}" y="${SIDE + 32}" text-anchor="middle">confidence</text>`,
    `<text transform="translate(-34 ${SIDE / 2}) rotate(-90)" text-anchor="middle">share that was right</text>`,
    '</g>',
  ].join('\n');
}

function bar(from: number, width: number, accuracy: number, count: number): string {
  const [x, y] = [from * SIDE, (1 - accuracy) * SIDE];
  const shape = `<rect x="${fixed(x + 1)}" y="${fixed(y)}" width="${fixed(width * SIDE - 2)}" height="${fixed(SIDE - y)}" fill="#4878a8"/>`;
  // Inside the bar where there is no room above it.
  const label = `<text x="${fixed(x + (width * SIDE) / 2)}" y="${fixed(Math.max(12, y - 4))}" text-anchor="middle" fill="${y < 14 ? '#fff' : '#222'}">${count}</text>`;
  return `${shape}\n${label}`;
}

function tick(share: number): string {
  const at = share * SIDE;
  return [
    `<text x="${fixed(at)}" y="${SIDE + 15}" text-anchor="middle">${share}</text>`,
    `<text x="-6" y="${fixed(SIDE - at + 4)}" text-anchor="end">${share}</text>`,
  ].join('\n');
}

function fixed(value: number): string {
  return value.toFixed(1);
}

/** A model's name may hold anything; what no XML may hold is left out. */
function escaped(text: string): string {
  const allowed = text.toWellFormed().replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '');
  return allowed.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
