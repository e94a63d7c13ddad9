/** Signed envelopes for the sandbox's own tests, made with ethers alone, so that they depend on nothing that they test. */
import type { VotingType } from '@quorum/snapshot/proposal';
import type { HDNodeWallet } from 'ethers';

const DOMAIN = { name: 'snapshot', version: '0.1.4' };

const CHOICE_TYPE: Record<VotingType, 'uint32' | 'uint32[]' | 'string'> = {
  basic: 'uint32',
  'single-choice': 'uint32',
  approval: 'uint32[]',
  'ranked-choice': 'uint32[]',
  copeland: 'uint32[]',
  weighted: 'string',
  quadratic: 'string',
};

export type VoteParts = {
  readonly space: string;
  readonly proposal: string;
  readonly type: VotingType;
  readonly choice: unknown;
  readonly timestamp: number;
  readonly reason?: string;
  readonly metadata?: string;
  /** The voter, where the signer is an alias. */
  readonly from?: string;
};

export async function signVote(signer: HDNodeWallet, parts: VoteParts) {
  const types = {
    Vote: [
      { name: 'from', type: 'string' },
      { name: 'space', type: 'string' },
      { name: 'timestamp', type: 'uint64' },
      { name: 'proposal', type: 'string' },
      { name: 'choice', type: CHOICE_TYPE[parts.type] },
      { name: 'reason', type: 'string' },
      { name: 'app', type: 'string' },
      { name: 'metadata', type: 'string' },
    ],
  };
  const { space, timestamp, proposal, choice, from = signer.address, reason = '', metadata = '{}' } = parts;
  const message = { from, space, timestamp, proposal, choice, reason, app: 'quorum', metadata };
  const sig = await signer.signTypedData(DOMAIN, types, message);
  return { address: signer.address, sig, data: { domain: DOMAIN, types, message } };
}

export async function signAlias(main: HDNodeWallet, alias: string, timestamp: number) {
  const types = {
    Alias: [
      { name: 'from', type: 'address' },
      { name: 'alias', type: 'address' },
      { name: 'timestamp', type: 'uint64' },
    ],
  };
  const message = { from: main.address, alias, timestamp };
  const sig = await main.signTypedData(DOMAIN, types, message);
  return { address: main.address, sig, data: { domain: DOMAIN, types, message } };
}
