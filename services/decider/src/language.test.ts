import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isForeign } from './language.ts';

const ENGLISH = 'The cap keeps the cost small. What is not spent goes back to the treasury.';
const CHINESE = '该提案设有上限,成本可控。未使用的资金将退回金库。';
const LATIN_NAMES = '该提案将向 Uniswap Foundation 支付 50 万 USDC,资助 Optimism 上的流动性激励计划。';
const RUSSIAN = 'Предложение DAO Lido ограничивает расходы. Остаток возвращается в казну.';
const ARABIC = 'يحدد الاقتراح سقفا للإنفاق. ويعود ما لم يصرف إلى الخزينة.';
const JAPANESE = 'この提案は支出に上限を設けます。残りは金庫に戻ります。';
const KOREAN = '이 제안은 지출에 상한을 둡니다. 남은 금액은 금고로 돌아갑니다.';
const TIBETAN = 'གྲོས་གཞི་འདི་ལ་ཚད་བཀག་ཡོད།';

describe('a text is foreign', () => {
  test.each([CHINESE, LATIN_NAMES, RUSSIAN, ARABIC, JAPANESE, KOREAN, TIBETAN])(
    'to an owner who wrote in English, or nothing: %s',
    (text) => {
      for (const asked of ['', 'Spend little.']) expect(isForeign(text, asked)).toBe(true);
    },
  );

  test('to an owner who wrote in another script', () => {
    expect(isForeign(RUSSIAN, '少花钱。')).toBe(true);
    expect(isForeign(CHINESE, 'Трать мало.')).toBe(true);
    expect(isForeign(KOREAN, '少花钱。')).toBe(true);
  });

  test('also where it stands in quotation marks as a whole', () => {
    expect(isForeign(`"${RUSSIAN}"`, '')).toBe(true);
  });
});

describe('a text is not foreign', () => {
  test.each([
    ['in the script of the instructions', CHINESE, '少花钱。'],
    ['in one that is written together with theirs', JAPANESE, '環境保護'],
    ['in either script of who writes in both', RUSSIAN, 'Troši malo. Троши мало.'],
    ['in the script of a name in theirs', KOREAN, 'Support 김철수 always.'],
    ['for figures, emoji and names without a sentence', '🌱 50 % USDC → 張三', '🌱 100 %'],
    ['in a rare script that is theirs', TIBETAN, 'གྲོས་གཞི།'],
    ['in English, whatever theirs is', ENGLISH, 'Трать мало.'],
    ['in another language of the Latin script', 'El tope mantiene bajo el coste.', 'Spend little.'],
    ['for the names in it', 'Дядя Фёдор and Матроскин ask for 5 ETH, which the cap allows.', ''],
    ['for what it quotes', `It says "${RUSSIAN}", 「${JAPANESE}」 and «${ARABIC}».`, ''],
    ['without any letter', '50 % → 12,000 💰', ''],
  ])('%s', (_what, text, asked) => {
    expect(isForeign(text, asked)).toBe(false);
  });

  test('to whoever wrote it', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => !isForeign(text, text)));
  });

  test('by a lone surrogate or any other scrap', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof isForeign(text, '') === 'boolean'));
  });
});
