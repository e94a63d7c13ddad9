/** Stories that cannot have happened: what was taken away, put in or altered before it was sealed, by somebody with every key but one. */
import { beforeAll, describe, expect, test } from 'vitest';
import { aChain, chainOf, linesOf, type Cast } from '../test/audit.ts';
import { aHash, anAddress, aProposalId } from '../test/samples.ts';
import { GENESIS, type AuditFact } from './audit-record.ts';
import { verifyAudit } from './audit-verify.ts';
import { fromJson, VoteClaims } from './audit-votes.ts';

type FactOf<K extends AuditFact['kind']> = Extract<AuditFact, { kind: K }>;

let cast: Cast;
let facts: AuditFact[];
beforeAll(async () => {
  ({ cast, facts } = await aChain([
    ['reserved', 'sending', 'accepted', 'cast'],
    ['reserved', 'sending', 'cast unanswered'],
  ]));
});

/** What is said of a chain of these facts; each is well sealed and well linked. */
function said(told: readonly AuditFact[], relayer?: Cast['voter']): string[] {
  const lines = linesOf(chainOf(told, cast));
  return verifyAudit(lines, { heads: [], votes: [], keys: [cast.key], relayer }).faults.map(
    ({ kind, seq, says }) => `${kind} ${seq}: ${says}`,
  );
}

function change<K extends AuditFact['kind']>(kind: K, how: (fact: FactOf<K>) => AuditFact): AuditFact[] {
  const at = facts.findIndex((fact) => fact.kind === kind);
  return facts.map((fact, place) => (place === at && isOf(fact, kind) ? how(fact) : fact));
}

function isOf<K extends AuditFact['kind']>(fact: AuditFact, kind: K): fact is FactOf<K> {
  return fact.kind === kind;
}

/** The records of the first vote alone: those of the second name a head, which is another as soon as one is missing. */
const first = (): AuditFact[] => facts.slice(0, 4);

test('the story as it was has no fault', () => {
  expect(said(facts)).toEqual([]);
});

describe('an entry that was taken away before it was sealed is named by what it leaves behind', () => {
  test.for([
    ['reserved', 0, /^inconsistent 1: vote 0x\w+ was never reserved, or its records are missing$/],
    ['sending', 1, /^inconsistent 2: no record tells of the sending of this envelope$/],
    ['accepted', 2, /^inconsistent 3: no record tells of its acceptance$/],
  ] as const)('%s', ([, at, words]) => {
    expect(said(first().toSpliced(at, 1))[0]).toMatch(words);
  });

  test('the only sending of a vote without a receipt', () => {
    expect(said(facts.slice(4).toSpliced(1, 1))).toContain('inconsistent 2: no record tells of its sending');
  });

  test('the settling of a vote, by the next one on the same proposal', async () => {
    const { facts: other, cast: caster } = await aChain([['reserved', 'sending']]);
    const [reserved, sending] = other;
    if (reserved?.kind !== 'reserved' || sending === undefined) throw new Error('reserved, sending');
    const again = { ...reserved, vote: `0x${aHash()}` };
    const lines = linesOf(chainOf([reserved, sending, again], caster));
    const { faults } = verifyAudit(lines, { heads: [], votes: [], keys: [caster.key] });
    expect(faults.map(({ says }) => says)).toContain(`vote ${reserved.vote} on the same proposal was not settled`);
  });
});

describe('an entry that is told of twice or too late is named', () => {
  test.for([
    ['reserved', 0, /was reserved before$/],
    ['sending', 1, /was cast before$/],
    ['accepted', 2, /was cast before$/],
    ['cast', 3, /was cast before$/],
  ] as const)('%s', ([, at, words]) => {
    const again = facts[at];
    expect(said([...first(), ...(again === undefined ? [] : [again])])[0]).toMatch(words);
  });

  test('one that was not ours', () => {
    const refused: AuditFact = { kind: 'refused', entry: { kind: 'cast' }, why: 'its code is not ours' };
    expect(said([...first(), refused])).toEqual([
      'inconsistent 5: an entry was altered or put in before it was sealed: its code is not ours',
    ]);
  });
});

describe('an entry that was put in again, with its good code', () => {
  const noncesOf = (told: readonly AuditFact[]): AuditFact[] =>
    told.map((fact, at) => (fact.kind === 'refused' ? fact : { ...fact, nonce: `${at}`.padStart(16, '0') }));
  const own = (): AuditFact[] => noncesOf(first());

  test('none is, where each has a nonce of its own', () => {
    expect(said(own())).toEqual([]);
  });

  test.for([
    ['sending', 1],
    ['accepted', 2],
  ] as const)('%s, while its vote is open, is named', ([kind, at]) => {
    const copy = own().slice(at, at + 1);
    expect(copy[0]?.kind).toBe(kind);
    expect(said(own().toSpliced(at + 1, 0, ...copy))).toEqual([
      `inconsistent ${at + 2}: its entry was sealed before: somebody put a copy of it in`,
    ]);
  });

  test('one from before there were nonces is named behind those that have one, and is no fault before them', () => {
    const [reserved, sending, ...rest] = own();
    const old = first();
    if (reserved === undefined || sending === undefined) throw new Error('reserved, sending');
    expect(said([reserved, ...old.slice(1, 2), ...rest])).toEqual([
      'inconsistent 2: it has no nonce, and a record before it has one',
    ]);
    expect(said([...old.slice(0, 2), ...rest])).toEqual([]);
  });
});

describe('what a reserved vote says is held against its message', () => {
  test.for([
    [
      'vote',
      (fact: FactOf<'reserved'>) => ({ ...fact, vote: `0x${aHash()}` }),
      'its message has another id than the vote',
    ],
    [
      'proposal',
      (fact: FactOf<'reserved'>) => ({ ...fact, proposal: aProposalId() }),
      'its message is for another proposal',
    ],
    ['evidence', (fact: FactOf<'reserved'>) => ({ ...fact, evidence: aHash() }), 'its metadata name other evidence'],
    ['time', (fact: FactOf<'reserved'>) => ({ ...fact, time: fact.time + 1 }), 'its metadata name another time'],
    [
      'voter',
      (fact: FactOf<'reserved'>) => withMessage(fact, { from: anAddress() }),
      'its message is of another voter',
    ],
    [
      'text',
      (fact: FactOf<'reserved'>) => withMessage(fact, { reason: 'x' }),
      'its message has another id than the vote',
    ],
    [
      'metadata',
      (fact: FactOf<'reserved'>) => withMessage(fact, { metadata: '{}' }),
      'its metadata are not those of a vote of ours',
    ],
    ['head', (fact: FactOf<'reserved'>) => withHead(fact, aHash()), 'its vote names'],
  ] as const)('%s', ([, how, words]) => {
    expect(said(change('reserved', how)).join('\n')).toContain(`inconsistent 1: ${words}`);
  });

  function withMessage(fact: FactOf<'reserved'>, part: Partial<FactOf<'reserved'>['message']>): AuditFact {
    return { ...fact, message: { ...fact.message, ...part } };
  }
  function withHead(fact: FactOf<'reserved'>, head: string): AuditFact {
    return withMessage(fact, { metadata: fact.message.metadata.replace(GENESIS, head) });
  }
});

describe('what an accepted vote says is held against the envelope', () => {
  test.for([
    [
      'signature',
      (fact: FactOf<'accepted'>) => ({ ...fact, signature: `${fact.signature.slice(0, -4)}0000` }),
      'the signature is not that of',
    ],
    ['signer', (fact: FactOf<'accepted'>) => ({ ...fact, signer: anAddress() }), 'the signature is not that of'],
    [
      'envelope',
      (fact: FactOf<'accepted'>) => ({ ...fact, signer: anAddress() }),
      'no record tells of the sending of this envelope',
    ],
    [
      'no signature',
      (fact: FactOf<'accepted'>) => ({ ...fact, signature: 'none' }),
      'signer and signature make no envelope',
    ],
    [
      'receipt',
      (fact: FactOf<'accepted'>) => ({ ...fact, receipt: { ...fact.receipt, id: `0x${aHash()}` } }),
      'the receipt does not check',
    ],
  ] as const)('%s', ([, how, words]) => {
    expect(said(change('accepted', how)).join('\n')).toContain(`inconsistent 3: ${words}`);
  });

  test('a receipt of another relayer than the one that counts', () => {
    expect(said(facts, cast.voter)).toEqual([expect.stringContaining('inconsistent 3: the receipt does not check')]);
  });

  test('what was cast with another receipt', () => {
    const changed = change('cast', (fact) => ({
      ...fact,
      receipt: fact.receipt && { ...fact.receipt, ipfs: 'other' },
    }));
    expect(said(changed)).toContain('inconsistent 4: no record tells of its acceptance');
  });
});

describe('a vote that was settled', () => {
  const about = (at = 0) => {
    const fact = facts[at];
    if (fact?.kind !== 'reserved') throw new Error('a reservation');
    const { run, proposal, vote, time, message, ballot } = fact;
    return { common: { run, proposal, vote, time }, of: { message, ballot }, fact };
  };
  const counted = (): FactOf<'counted'> => ({ kind: 'counted', ...about().common, counted: 'as_cast' });
  const adopted = (more: object = {}): AuditFact => ({
    kind: 'adopted',
    ...about().common,
    ...about().of,
    ...more,
  });
  const voided = (): FactOf<'voided'> => ({ kind: 'voided', ...about().common, why: 'refused' });
  const votesOf = (told: readonly AuditFact[]) =>
    verifyAudit(linesOf(chainOf(told, cast)), { heads: [], votes: [], keys: [cast.key] }).votes;

  test('is counted once, and only if it was cast', () => {
    const { vote } = about().common;
    const wrong = `vote ${vote} was not cast before, or was counted`;
    expect(said([...first(), counted()])).toEqual([]);
    expect(votesOf([...first(), counted()])).toEqual({ cast: 1, voided: 0, open: 0 });
    expect(said([...first(), counted(), counted()])).toEqual([`inconsistent 6: ${wrong}`]);
    expect(said([...first().slice(0, 1), counted()])).toEqual([`inconsistent 2: ${wrong}`]);
    expect(said([...first().slice(0, 1), voided(), counted()])).toEqual([`inconsistent 3: ${wrong}`]);
    expect(said([counted()])).toEqual([`inconsistent 1: vote ${vote} was never reserved, or its records are missing`]);
  });

  test('is open until it is cast or voided, and voided once', () => {
    const { vote } = about().common;
    expect(votesOf(first().slice(0, 3))).toEqual({ cast: 0, voided: 0, open: 1 });
    expect(votesOf(first())).toEqual({ cast: 1, voided: 0, open: 0 });
    expect(votesOf([...first().slice(0, 1), voided()])).toEqual({ cast: 0, voided: 1, open: 0 });
    expect(said([...first().slice(0, 1), voided(), voided()])).toEqual([
      `inconsistent 3: vote ${vote} was voided before`,
    ]);
  });

  test('and stands on the hub nevertheless is adopted, known or not', () => {
    expect(said([...first().slice(0, 1), voided(), adopted()])).toEqual([]);
    expect(votesOf([...first().slice(0, 1), voided(), adopted()])).toEqual({ cast: 1, voided: 0, open: 0 });
    expect(said([adopted()])).toEqual([]);
    expect(votesOf([adopted()])).toEqual({ cast: 1, voided: 0, open: 0 });
    expect(said([adopted({ vote: `0x${aHash()}` })])).toEqual([
      'inconsistent 1: its message has another id than the vote',
    ]);
    expect(said([adopted({ proposal: aProposalId() })])).toEqual([
      'inconsistent 1: its message is for another proposal',
    ]);
  });

  test('keeps what was told of it before it was adopted', () => {
    const fact = facts[3];
    expect(said([...first().slice(0, 3), adopted(), ...(fact === undefined ? [] : [fact])])).toEqual([
      `inconsistent 5: vote ${about().common.vote} was cast before`,
    ]);
  });

  test.for([
    ['cast', () => first().slice(1)],
    ['voided', () => [voided()]],
    ['adopted', () => [adopted()]],
  ] as const)('(%s) makes room for another on its proposal', ([, settling]) => {
    const again = { ...about().fact, vote: `0x${aHash()}` };
    const open = said([about().fact, again]).join();
    expect(open).toContain(`vote ${about().common.vote} on the same proposal was not settled`);
    expect(said([about().fact, ...settling(), again]).join()).not.toContain('was not settled');
  });

  test('leaves another that is open on its proposal as it is', () => {
    const again = { ...about().fact, vote: `0x${aHash()}` };
    const third = { ...about().fact, vote: `0x${aHash()}` };
    expect(said([about().fact, again, voided(), third]).join()).toContain(
      `vote ${again.vote} on the same proposal was not settled`,
    );
    expect(said([about().fact, again, adopted(), third]).join()).toContain(
      `vote ${again.vote} on the same proposal was not settled`,
    );
  });

  test('is on the proposal that it was reserved on', () => {
    expect(said([...first().slice(0, 1), { ...voided(), proposal: aProposalId() }])).toEqual([
      'inconsistent 2: its vote is on another proposal',
    ]);
    expect(said([...first(), { ...counted(), proposal: aProposalId() }])).toEqual([
      'inconsistent 5: its vote is on another proposal',
    ]);
  });
});

test('each sending of a vote, and each receipt, stays known', async () => {
  const { records, cast: caster } = await aChain([['reserved', 'sending', 'sending', 'accepted', 'accepted', 'cast']]);
  expect(verifyAudit(linesOf(records), { heads: [], votes: [], keys: [caster.key] }).faults).toEqual([]);
  const other: AuditFact[] = facts.slice(0, 4).toSpliced(1, 0, { ...sendingOf(), envelope: aHash() });
  expect(said(other)).toEqual([]);
  expect(said(facts.slice(0, 4).toSpliced(2, 0, { ...sendingOf(), envelope: aHash() }))).toEqual([]);

  function sendingOf() {
    const fact = facts[1];
    if (fact?.kind !== 'sending') throw new Error('a sending');
    return fact;
  }
});

describe('what a vote says of itself in public', () => {
  const claims = { agent: true, audit_head: GENESIS, cast_at: '2026-11-20T12:00:00.000Z' };

  test.for([
    [claims, true],
    [{ ...claims, evidence: 'ab'.repeat(32) }, true],
    [{ ...claims, evidence: 'ab' }, false],
    [{ ...claims, agent: false }, false],
    [{ ...claims, audit_head: 'ab' }, false],
    [{ ...claims, cast_at: 'yesterday' }, false],
    [{}, false],
  ] as const)('%j is of us: %s', ([given, ours]) => {
    expect(VoteClaims.safeParse(given).success).toBe(ours);
  });

  test('is read from text of JSON, and taken as it is where it is no text', () => {
    expect(fromJson('{"a":1}')).toEqual({ a: 1 });
    expect(fromJson('{')).toBeNull();
    expect(fromJson(claims)).toBe(claims);
  });

  test('names no evidence where the vote is secret, and that is no fault', () => {
    const changed = change('reserved', (fact) => {
      const { evidence: _evidence, ...metadata } = JSON.parse(fact.message.metadata);
      return { ...fact, message: { ...fact.message, metadata: JSON.stringify(metadata) } };
    });
    expect(said(changed).join()).toContain('another id');
    expect(said(changed).join()).not.toMatch(/metadata/);
  });
});
