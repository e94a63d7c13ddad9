import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { acceptedTypes, recorded } from '../test/recorded.ts';
import { AliasEnvelope, Envelope } from './envelope.ts';
import { Receipt } from './receipt.ts';
import { VOTING_TYPES } from './proposal.ts';
import { ALIAS_TYPES, aliasMessageId, SNAPSHOT_DOMAIN, voteId, voteTypes, voteTypesFor } from './typed-data.ts';

const sha256 = (types: unknown): string => createHash('sha256').update(JSON.stringify(types)).digest('hex');
const accepted = new Map(acceptedTypes().map(({ sha256: hash, kind }) => [hash, kind]));

describe('the typed data', () => {
  it.for(VOTING_TYPES)('of a %s vote is what the sequencer accepts, byte for byte', (type) => {
    const kind = { uint32: 'vote', 'uint32[]': 'vote-array', string: 'vote-string' };
    const choice = voteTypes({ type, privacy: '' }).Vote.find(({ name }) => name === 'choice')?.type;
    const expected = Object.entries(kind).find(([choiceType]) => choiceType === choice)?.[1];
    expect(accepted.get(sha256(voteTypes({ type, privacy: '' })))).toBe(expected);
  });

  it.for(VOTING_TYPES)('of an encrypted %s vote has its choice as text', (type) => {
    expect(accepted.get(sha256(voteTypes({ type, privacy: 'shutter' })))).toBe('vote-string');
  });

  it('of an alias is what the sequencer accepts', () => {
    expect(accepted.get(sha256(ALIAS_TYPES))).toBe('alias');
  });

  it('is not accepted in any other order of fields or keys', () => {
    const { Vote } = voteTypesFor('uint32');
    expect(accepted.has(sha256({ Vote: Vote.toReversed() }))).toBe(false);
    expect(accepted.has(sha256({ Vote: Vote.map(({ name, type }) => ({ type, name })) }))).toBe(false);
  });

  it('is signed in a domain without chain or contract', () => {
    expect(SNAPSHOT_DOMAIN).toEqual({ name: 'snapshot', version: '0.1.4' });
  });
});

describe('the id of a vote', () => {
  it.for([
    ['vote-single-choice', 'single-choice'],
    ['vote-approval', 'approval'],
    ['vote-ranked-choice', 'ranked-choice'],
    ['vote-copeland', 'copeland'],
    ['vote-weighted-fractional', 'weighted'],
    ['vote-quadratic', 'quadratic'],
    ['vote-reason-unicode', 'basic'],
    ['vote-shutter-weighted-encrypted', 'weighted'],
    ['alias-vote-after-renewal', 'basic'],
  ] as const)('of %s is the one that the sequencer gave it', ([name, type]) => {
    const { request, response } = recorded(name);
    const envelope = Envelope.parse(request.body);
    const privacy = name.startsWith('vote-shutter') ? 'shutter' : '';
    expect(voteId({ type, privacy }, envelope.data.message)).toBe(Receipt.parse(response.body).id);
  });

  it('of an alias message is the one that the sequencer gave it', () => {
    const { request, response } = recorded('alias-set');
    const envelope = AliasEnvelope.parse(request.body);
    expect(aliasMessageId(envelope.data.message)).toBe(Receipt.parse(response.body).id);
  });
});
