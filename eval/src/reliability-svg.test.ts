import { describe, expect, it } from 'vitest';
import { fc, test } from '@fast-check/vitest';
import { reliabilitySvg } from './reliability-svg.ts';

/** Names of the elements of a document, in order. Throws for what is not well-formed XML, as far as this document has any of it. */
function elementsOf(xml: string): string[] {
  const body = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '');
  const names: string[] = [];
  const open: string[] = [];
  let at = 0;
  const token =
    /<([a-z]+)((?: [a-zA-Z0-9:-]+="(?:[^<&"]|&(?:amp|lt|gt|quot);)*")*) ?(\/?)>|<\/([a-z]+)>|(?:[^<&]|&(?:amp|lt|gt|quot);)+/gy;
  while (at < body.length) {
    token.lastIndex = at;
    const match = token.exec(body);
    if (match === null) throw new Error(`no XML: ${body.slice(at, at + 40)}`);
    const [whole, opened, attributes = '', empty, closed] = match;
    if (open.length === 0 && at > 0 && whole.trim() !== '') throw new Error(`after the end: ${whole}`);
    const keys = [...attributes.matchAll(/ ([a-zA-Z0-9:-]+)=/g)].map(([, key]) => key);
    if (new Set(keys).size < keys.length) throw new Error(`an attribute twice: ${attributes}`);
    if (opened !== undefined) names.push(opened);
    if (opened !== undefined && empty === '') open.push(opened);
    if (closed !== undefined && open.pop() !== closed) throw new Error(`closed out of turn: ${closed}`);
    at += whole.length;
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(', ')}`);
  return names;
}

describe('the check of XML in this test', () => {
  it.for(['<a><b></a></b>', '<a>', '<a x=1/>', '<a>&</a>', '<a x="<"/>', '<a x="1" x="2"/>', '<a/><b/>'])(
    'finds the fault in %s',
    (xml) => {
      expect(() => elementsOf(xml)).toThrow(/no XML|after|twice|closed/);
    },
  );
});

const judged = [
  { confidence: 0.95, right: true },
  { confidence: 0.95, right: false },
  { confidence: 0.42, right: false },
];

describe('a reliability diagram', () => {
  it('has a bar for each bin with something in it, as high as the share that was right', () => {
    const svg = reliabilitySvg([{ title: 'careful', judged }]);
    const bars = [
      ...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)" fill="#4878a8"\/>/g),
    ];
    // 240 wide and high: the bin from 0.4 is empty of right ones, that from 0.9 half full.
    expect(bars.map(([, ...numbers]) => numbers.map(Number))).toEqual([
      [97, 240, 0],
      [217, 120, 120],
    ]);
    expect(svg).toContain('careful: ECE 0.440, 3 decisions');
  });

  it('of a model without any decision says so', () => {
    expect(reliabilitySvg([{ title: 'refusing', judged: [] }])).toContain('refusing: no decision');
  });

  test.prop([fc.array(fc.string({ unit: 'binary' }), { maxLength: 4 })])(
    'is XML whatever a model is called',
    (titles) => {
      const svg = reliabilitySvg(titles.map((title) => ({ title, judged })));
      expect(elementsOf(svg)[0]).toBe('svg');
      expect(elementsOf(svg).filter((name) => name === 'g')).toHaveLength(titles.length);
      const points = Array.from(svg, (character) => character.codePointAt(0) ?? 0);
      const forbidden = points.filter((point) => point < 0x20 || point === 0xfffe || point === 0xffff);
      expect(forbidden.filter((point) => ![0x09, 0x0a, 0x0d].includes(point))).toEqual([]);
    },
  );
});
