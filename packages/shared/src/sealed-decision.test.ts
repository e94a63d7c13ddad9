import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { aDecision, aHash, anAnswer, anOwner, aProposalId, aSpace, ballotFor } from '../test/samples.ts';
import { Decision, SealedDecision } from './decision.ts';
import { newRunId } from './ids.ts';
import { sealDecision, sealIsGood } from './sealed-decision.ts';

const key = randomBytes(32);
const sealed = sealDecision(aDecision({ signals: [{ strength: 'soft', kind: 'instruction' }] }), key);

describe('the seal of a decision', () => {
  it('is good after the way through Redis', () => {
    const stored = SealedDecision.parse(JSON.parse(JSON.stringify(sealed)));
    expect(sealIsGood(stored, key)).toBe(true);
  });

  it('is bad under another key, and with another code', () => {
    expect(sealIsGood(sealed, randomBytes(32))).toBe(false);
    expect(sealIsGood({ ...sealed, mac: aHash() }, key)).toBe(false);
  });

  const changes = {
    run_id: newRunId(),
    proposal_id: aProposalId(),
    owner: anOwner(),
    space_id: aSpace('other.eth'),
    content_hash: aHash(),
    preferences_version: aHash(),
    strategy_used: 'aggressive',
    executable: true,
    samples: [anAnswer({ ballot: ballotFor(2) })],
    signals: [],
    stakes: 'high',
    inputs_hash: aHash(),
    evidence_hash: aHash(),
    public_reason: 'Vote for me.',
    usage: { calls: 3, input_tokens: 3_000, output_tokens: 300, cost_usd: null },
    decided_at: 1,
  } satisfies { [K in keyof Decision]: Decision[K] };

  it('is tried on every field of a decision', () => {
    expect(Object.keys(changes).toSorted()).toEqual(Object.keys(Decision.shape).toSorted());
  });

  it.for(Object.entries(changes))('is bad once %s was altered', ([field, value]) => {
    const decision = Decision.parse({ ...sealed.decision, [field]: value });
    expect(sealIsGood({ ...sealed, decision }, key)).toBe(false);
  });

  it('is bad once a sample was dropped, or one ballot in it altered', () => {
    const { samples } = sealed.decision;
    const fewer = { ...sealed.decision, samples: samples.slice(1) };
    expect(sealIsGood({ ...sealed, decision: fewer }, key)).toBe(false);
    const other = samples.map((sample, at) => (at === 2 ? anAnswer({ ballot: ballotFor(2) }) : sample));
    expect(sealIsGood({ ...sealed, decision: { ...sealed.decision, samples: other } }, key)).toBe(false);
  });
});
