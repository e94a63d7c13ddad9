import { describe, expect, test } from 'vitest';
import { aProposal, type ProposalChanges } from '../test/fixtures.ts';
import { clean } from './clean.ts';
import { findStakes, isExecutable } from './stakes.ts';

function groundsOf(changes: ProposalChanges, votingPower: number | null = null, maxBody = 10_000) {
  const proposal = aProposal(changes);
  return findStakes(proposal, clean(proposal, maxBody), { votingPower, takesPowerBack: false }).grounds;
}

describe('stakes', () => {
  test('are low for a bench', () => {
    const proposal = aProposal();
    const vote = { votingPower: 1, takesPowerBack: false };
    expect(findStakes(proposal, clean(proposal, 10_000), vote)).toEqual({ stakes: 'low', grounds: [] });
  });

  test.each([
    [{ body: 'Send 20,000 USDC to the painters.' }, 'value'],
    [{ title: 'Treasury diversification' }, 'value'],
    [{ choices: ['Pay $5', 'No'] }, 'value'],
    [{ body: 'Replace two signers of the multisig.' }, 'roles'],
    [{ body: 'Amend the constitution.' }, 'constitution'],
    [{ plugins: { oSnap: { safes: [{ transactions: [{ to: '0x0' }] }] } } }, 'executable'],
  ])('%j: %s', (changes, ground) => {
    expect(groundsOf(changes)).toContain(ground);
  });

  test.each([
    ['Transferir fondos de la tesorería al equipo.', 'value'],
    ['Verser 3 000 € aux peintres.', 'value'],
    ['Auszahlung aus der Schatzkammer.', 'value'],
    ['Pagamento a partir do tesouro.', 'value'],
    ['Выплата из казны художникам.', 'value'],
    ['从国库支付给画家。', 'value'],
    ['財庫から画家に支払う。', 'value'],
    ['تحويل من الخزينة إلى الرسامين', 'value'],
    ['Pаyment to the painters.', 'value'],
    ['Elegir el nuevo consejo.', 'roles'],
    ['Wahlen zum Ausschuss.', 'roles'],
    ['Избрать новый совет.', 'roles'],
    ['更换多签成员。', 'roles'],
    ['انتخاب مجلس جديد', 'roles'],
    ['Une modification du règlement.', 'constitution'],
    ['Изменить кворум.', 'constitution'],
    ['修改章程。', 'constitution'],
    ['تعديل النصاب', 'constitution'],
  ])('%j: %s', (body, ground) => {
    expect(groundsOf({ body })).toContain(ground);
  });

  test.each([
    'The DAO <b hidden>sends</b> <b hidden>5,000,000 USDC</b> and thanks the gardeners.',
    'The DAO has 5,000,000 <b hidden>USDC</b>.',
    'We open the trea<b hidden>sury</b>.',
    'Green. <svg>5,000,000 USDC</svg>',
    'Green. <!-- 5,000,000 USDC -->',
    'Green. <b sends 5,000,000 USDC>',
  ])('are high by what a page may show that the model does not read: %j', (body) => {
    expect(groundsOf({ body })).toEqual(['value']);
    expect(groundsOf({ title: body })).toEqual(['value']);
  });

  test('are low where a text has marks, and hides nothing of value', () => {
    expect(groundsOf({ body: '<p align="center"><b>Green</b> <!-- so green --> <i hidden>bench</i></p>' })).toEqual([]);
  });

  test.each([
    'Pintar el banco de verde.',
    'Die Bank wird grün.',
    'Peindre le banc en vert.',
    '把长椅漆成绿色。',
    'Покрасить скамейку.',
  ])('are low for a bench in another language: %j', (body) => {
    expect(groundsOf({ body, title: '' })).toEqual([]);
  });

  test('are high where a vote takes power back from a delegate', () => {
    const proposal = aProposal();
    const vote = { votingPower: 1, takesPowerBack: true };
    expect(findStakes(proposal, clean(proposal, 10_000), vote)).toEqual({
      stakes: 'high',
      grounds: ['takes_power_back'],
    });
  });

  test('are high where the model cannot read all', () => {
    expect(groundsOf({ body: 'green '.repeat(1_000) }, null, 1_000)).toEqual(['cut']);
  });

  test('words beyond the cut count', () => {
    const body = `${'green '.repeat(200)} transfer ${'green '.repeat(400)}`;
    expect(groundsOf({ body }, null, 1_000)).toEqual(['value', 'cut']);
  });

  test.each([
    ['a twentieth of the quorum', { quorum: 100 }, 5, true],
    ['less than that', { quorum: 100 }, 4.9, false],
    ['no quorum and no votes', {}, 1_000, false],
    ['the margin', { votes: 3, scores: [60, 50, 1], scores_total: 111 }, 10, true],
    ['less than the margin', { votes: 3, scores: [60, 50, 1], scores_total: 111 }, 9, false],
    ['scores that are secret', { votes: 3, privacy: 'shutter' }, 1, true],
    ['no power', { votes: 3, scores: [50, 50], quorum: 1 }, 0, false],
    ['no voter', { votes: 3, scores: [50, 50], quorum: 1 }, null, false],
  ])("the owner's power against %s", (_what, changes, power, decides) => {
    expect(groundsOf(changes, power)).toEqual(decides ? ['power_decides'] : []);
  });
});

test.each([
  [{}, false],
  [{ safeSnap: {} }, false],
  [{ safeSnap: { safes: [] } }, false],
  [{ oSnap: null }, false],
  [{ poap: { id: 1 } }, false],
  [{ safeSnap: { safes: [{ txs: [[{ to: '0x1' }]] }] } }, true],
  [{ oSnap: { safe: { transactions: [{}], safeName: 'Main' } } }, true],
])('%j is executable: %s', (plugins, executable) => {
  expect(isExecutable(plugins)).toBe(executable);
});
