/** The owner, voting by hand: with the voter's own key, dated now, straight to the sequencer. */
import path from 'node:path';
import type { Ballot } from '@quorum/snapshot/ballot';
import { assembleEnvelope, buildVote } from '@quorum/snapshot/envelope';
import { createHub } from '@quorum/snapshot/hub';
import { readSecretFile } from '@quorum/shared/secret-file';
import { ProposalId } from '@quorum/snapshot/proposal';
import { createSequencer } from '@quorum/snapshot/sequencer';
import { Wallet } from 'ethers';
import type { Stack } from '../stack.ts';

/** Votes as the owner; returns the id of the vote. Throws where it is not taken. */
export async function voteByHand(stack: Stack, proposal: string, ballot: Ballot): Promise<string> {
  const main = new Wallet(`0x${readSecretFile(path.join(stack.secrets, 'demo/main.key'))}`);
  const hub = createHub({ url: `${stack.sandbox.url}/graphql`, timeoutMs: 5_000 });
  const found = await hub.proposal(ProposalId.parse(proposal));
  if (found === null) throw new Error(`There is no proposal ${proposal}`);
  const vote = buildVote({
    voter: stack.voter,
    space: found.space,
    proposal: found,
    ballot,
    reason: '',
    app: 'snapshot-v2',
    metadata: {},
    timestamp: Math.floor(Date.now() / 1_000),
  });
  const sig = await main.signTypedData(vote.domain, vote.types, vote.message);
  const sequencer = createSequencer({ url: `${stack.sandbox.url}/`, timeoutMs: 5_000 });
  const result = await sequencer.submit(assembleEnvelope(stack.voter, sig, vote));
  if (result.kind !== 'accepted') throw new Error(`The vote by hand was not taken: ${JSON.stringify(result)}`);
  return result.receipt.id;
}
