import { hashOf } from '@quorum/shared/canonical';
import type { Ballot } from '@quorum/snapshot/ballot';
import { expect, test } from 'vitest';
import { aProposal, preferencesWith } from '../test/fixtures.ts';
import { formMessages } from './answer-form.ts';
import { withRepair } from './ask.ts';
import { clean } from './clean.ts';
import { factMessages, factsSchema } from './facts.ts';
import { buildMessages, PROMPT_VERSION } from './fence.ts';
import { keyOptions } from './options.ts';
import { answerSchema } from './schema.ts';
import { judgeMessages } from './second-reading.ts';
import { reasonQuestion } from './written-reason.ts';

/** What `everythingSent` came to under the version of now. */
const SENT = { version: '2026-11-4', hash: '9891e10162d4e390fecc283207090bb82d63f76ba87eca53be48ca5b0e3a5ecd' };

const BODY = `<p>Bench &amp; pond</p><!-- unseen --><b>bold</b> ![a](b) [x]: # (note)\n\u200b${'Long words of a proposal. '.repeat(200)}End.`;
const TYPES = ['single-choice', 'basic', 'approval', 'ranked-choice', 'copeland', 'weighted', 'quadratic'] as const;
const STRATEGIES = ['conservative', 'balanced', 'aggressive'] as const;

/** Every kind of prompt, of every voting type and strategy, with its schema, its repair and the schema in words. */
function everythingSent(): unknown[] {
  return TYPES.flatMap((type) =>
    STRATEGIES.map((voting_strategy) => {
      const proposal = aProposal({
        type,
        body: BODY,
        discussion: 'https://forum.example/1',
        choices: ['Yes', 'N\u200bo\n!'],
      });
      const preferences = preferencesWith({ voting_strategy, instructions: type === 'basic' ? '' : 'Green is good.' });
      const seed = { nonce: 'c0ffee', order: [2, 1] };
      const options = keyOptions(proposal.choices, seed.order);
      const source = { proposal, cleaned: clean(proposal, 500), options, nonce: seed.nonce };
      const ballot: Ballot = { kind: 'single', choice: { index: 1, label: 'Yes' } };
      const fact = { kind: 'amount', choice: 1, statement: 'It costs 40.', quote: 'costs 40' } as const;
      const schema = answerSchema(type, options);
      const messages = buildMessages({ ...source, preferences });
      const { messages: ofReason, schema: reasonSchema } = reasonQuestion({ ...source, ballot, model: 'small', seed });
      return [
        [messages, schema, formMessages('prompt', withRepair(messages, 'it is empty'), schema)],
        [factMessages(source), factsSchema(options)],
        judgeMessages({ proposal, preferences }, [fact, { ...fact, choice: null }], options, seed.nonce),
        [ofReason, reasonSchema],
      ];
    }),
  );
}

test('whatever changes in what models are sent has a new version: put it into PROMPT_VERSION, and here with its hash', () => {
  expect({ version: PROMPT_VERSION, hash: hashOf(everythingSent()) }).toEqual(SENT);
});
