import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { countTokens, fitsIn, headWithin, questionTokens, tailWithin } from './tokens.ts';

/** Text, and the tokens that OpenAI's vocabularies of 2024 and of 2023 count in it, as recorded. */
const PROSE = [
  ['The treasury pays 50,000 USDC to the library for twelve months of work, in four milestones.', 22, 22],
  ['Die Abstimmung über die Verwendung der Mittel zur Förderung der Bücherei wird auf Montag verschoben.', 20, 29],
  ['La propuesta solicita fondos para una biblioteca móvil. ¿Están de acuerdo los miembros?', 17, 23],
  ['La proposition demande des fonds pour rénover la bibliothèque du village.', 13, 18],
  ['A proposta solicita fundos para a construção de uma biblioteca comunitária.', 13, 19],
  ['Bu öneri, topluluk kütüphanesinin yenilenmesi için fon talep etmektedir.', 22, 28],
  ['Tämä ehdotus pyytää rahoitusta yhteisön kirjaston kunnostamiseen.', 21, 28],
  ['Это предложение запрашивает средства для ремонта библиотеки.', 11, 26],
  ['Αυτή η πρόταση ζητά χρηματοδότηση για την ανακαίνιση της βιβλιοθήκης.', 26, 64],
  ['הצעה זו מבקשת מימון לשיפוץ ספריית הקהילה.', 17, 41],
  ['يطلب هذا المقترح تمويلا لبناء مدرسة جديدة في القرية، ويجب التصويت قبل نهاية الشهر.', 25, 57],
  ['यह प्रस्ताव सामुदायिक पुस्तकालय के नवीनीकरण के लिए धन का अनुरोध करता है।', 22, 71],
  ['ข้อเสนอนี้ขอเงินทุนเพื่อปรับปรุงห้องสมุดชุมชน', 21, 40],
  ['Đề xuất này yêu cầu kinh phí để cải tạo thư viện cộng đồng.', 16, 30],
  ['本提案请求从国库拨款五万美元，用于升级合约并聘请审计公司。', 23, 30],
  ['この提案は、図書館を改修するための資金を求めるものです。', 23, 30],
  ['이 제안은 커뮤니티 도서관을 개조하기 위한 자금을 요청합니다.', 20, 34],
  ['🌱🌻 For! 🎉', 8, 11],
  ['Owner: `0x52908400098527886E0F7030069857D2E4169EE7`, 12.5 % | 2026-11-26 | {"a": [1, 2, 3]}', 52, 52],
  ['| Budget | Q1 | Q2 |\n| --- | ---: | ---: |\n| Audit | 10,000 | 2,500 |\n\n## Summary\n- [x] done', 39, 39],
] as const;

describe('counting tokens', () => {
  test.each(PROSE)('prose is never counted too low, nor beyond three times: %s', (text, now, before) => {
    expect(countTokens(text)).toBeGreaterThanOrEqual(Math.max(now, before));
    expect(countTokens(text)).toBeLessThan(3 * Math.max(now, before));
  });

  property.prop([
    fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.stringMatching(/^[0-9A-Z🌱 ]*$/u)),
    fc.nat(600),
  ])('a text fits where it has no more than that, counted or not', (text, tokens) => {
    expect(fitsIn(text, tokens)).toBe(countTokens(text) <= tokens);
  });

  test.each(['7', '7a', '🌱', 'Z', '\ud83c', '語'])('what weighs most fits by its length alone: %j', (unit) => {
    expect(countTokens(unit.repeat(99))).toBeLessThanOrEqual(2 * unit.length * 99);
  });

  test('90 KB of one letter take no time that anybody would notice', () => {
    const began = performance.now();
    for (const unit of ['a', ' ', '=', '🌱', 'a ']) countTokens(unit.repeat(90_000 / unit.length));
    // A vocabulary takes 4,000 ms and more for each.
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  property.prop([fc.string({ unit: 'binary', maxLength: 500 }), fc.nat({ max: 300 })])(
    'the head and the tail of a text take no more than they may',
    (text, tokens) => {
      expect(countTokens(text.slice(0, headWithin(text, tokens)))).toBeLessThanOrEqual(tokens);
      expect(countTokens(text.slice(tailWithin(text, tokens)))).toBeLessThanOrEqual(tokens);
    },
  );

  test('a question has no more tokens than bytes', () => {
    const content = 'صوّت 🌱 xyzzy'.repeat(100);
    const schema = { type: 'object' };
    const bytes = Buffer.byteLength(content) + Buffer.byteLength(JSON.stringify(schema));
    expect(questionTokens([{ content }], schema)).toBeGreaterThanOrEqual(bytes);
  });
});
