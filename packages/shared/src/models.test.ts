import * as ballot from '@quorum/snapshot/ballot';
import * as proposal from '@quorum/snapshot/proposal';
import * as receipt from '@quorum/snapshot/receipt';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { anyResponse } from '../test/arbitraries.ts';
import * as decision from './decision.ts';
import * as outcome from './outcome.ts';
import * as preferences from './preferences.ts';
import * as run from './run.ts';

const JsonObject = z.record(z.string(), z.unknown());

/** The paths of all object fields without a description, at any depth. */
function undescribed(schema: z.ZodType): string[] {
  const missing: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (Array.isArray(node)) {
      for (const item of node) walk(item, path);
      return;
    }
    const object = JsonObject.safeParse(node);
    if (!object.success) return;
    for (const [name, part] of Object.entries(object.data)) {
      if (name !== 'properties') {
        walk(part, path);
        continue;
      }
      for (const [field, value] of Object.entries(JsonObject.parse(part))) {
        if (!isDescribed(value)) missing.push(`${path}.${field}`);
        walk(value, `${path}.${field}`);
      }
    }
  };
  walk(z.toJSONSchema(schema, { io: 'input' }), '');
  return missing;
}

/** A nullable field is described where its value is. */
function isDescribed(value: unknown): boolean {
  const node = JsonObject.parse(value);
  const text = node['description'];
  if (typeof text === 'string') return text.trim().length > 2;
  const branches = z.array(JsonObject).safeParse(node['anyOf']);
  if (!branches.success) return false;
  const values = branches.data.filter((branch) => branch['type'] !== 'null');
  return values.length === 1 && values.every(isDescribed);
}

const modules = { decision, outcome, preferences, run, proposal, ballot, receipt };
const schemas = Object.entries(modules).flatMap(([module, exported]) =>
  Object.entries(exported).flatMap(([name, value]) =>
    value instanceof z.ZodType ? [{ name: `${module}.${name}`, schema: value }] : [],
  ),
);

describe('every model is described', () => {
  it.for(schemas)('$name', ({ schema }) => {
    expect(undescribed(schema)).toEqual([]);
  });

  it('finds the models that it is about', () => {
    expect(schemas.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'run.AgentRunRequest',
        'run.AgentRunResponse',
        'run.AgentRunAccepted',
        'run.AgentRunView',
        'run.FilterMetrics',
        'decision.VoteDecision',
        'decision.Decision',
        'decision.Usage',
        'preferences.UserPreferences',
        'preferences.SpaceOverride',
        'outcome.Outcome',
        'proposal.Proposal',
        'ballot.Ballot',
        'receipt.Receipt',
      ]),
    );
  });

  it('catches a field without a description wherever it hides', () => {
    const bare = z.object({ told: z.string().describe('told'), hidden: z.string() });
    expect(undescribed(bare)).toEqual(['.hidden']);
    const told = bare.describe('told');
    expect(undescribed(z.object({ list: z.array(bare).describe('told') }))).toEqual(['.list.hidden']);
    expect(undescribed(z.object({ map: z.record(z.string(), bare).describe('told') }))).toEqual(['.map.hidden']);
    expect(undescribed(z.object({ maybe: told.nullable() }))).toEqual(['.maybe.hidden']);
    expect(undescribed(z.object({ maybe: told.optional() }))).toEqual(['.maybe.hidden']);
    expect(undescribed(z.object({ either: z.union([bare, z.number()]).describe('told') }))).toEqual(['.either.hidden']);
    expect(undescribed(z.object({ either: bare.nullable() }))).toEqual(['.either', '.either.hidden']);
    expect(undescribed(z.object({ properties: z.string() }))).toEqual(['.properties']);
  });
});

describe('the request', () => {
  const { AgentRunRequest } = run;

  it('is a real run unless it says otherwise', () => {
    expect(AgentRunRequest.parse({ space_id: 'harbour.eth' })).toEqual({ space_id: 'harbour.eth', dry_run: false });
  });

  it.for(['', 'Harbour.eth', 'har bour.eth', 'harbour\u200b.eth', 'a'.repeat(257), 7, null, undefined])(
    'refuses the space %j and names the field',
    (space) => {
      const parsed = AgentRunRequest.safeParse({ space_id: space });
      expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toContain('space_id');
    },
  );

  it('refuses a field that it does not know, by name', () => {
    const parsed = AgentRunRequest.safeParse({ space_id: 'harbour.eth', dryrun: true });
    expect(parsed.error?.message).toContain('dryrun');
  });

  it('takes no text for a truth value', () => {
    expect(AgentRunRequest.safeParse({ space_id: 'harbour.eth', dry_run: 'true' }).success).toBe(false);
  });

  it('survives the wire', () => {
    fc.assert(
      fc.property(fc.constantFrom('harbour.eth', '🦄.eth', 'ünion.eth'), fc.boolean(), (space_id, dry_run) => {
        const request = AgentRunRequest.parse({ space_id, dry_run });
        expect(AgentRunRequest.parse(JSON.parse(JSON.stringify(request)))).toEqual(request);
      }),
    );
  });
});

describe('the response', () => {
  it('survives the wire, field for field', () => {
    fc.assert(
      fc.property(anyResponse, (response) => {
        const sent = JSON.stringify(response);
        const received = run.AgentRunResponse.parse(JSON.parse(sent));
        expect(JSON.parse(JSON.stringify(received))).toEqual(JSON.parse(sent));
      }),
      { numRuns: 200 },
    );
  });
});

describe('an outcome', () => {
  const { Outcome, HeldWhy, SkippedWhy, FailedWhy } = outcome;

  it.for([
    { kind: 'cast', why: 'risk' },
    { kind: 'simulated', why: 'risk' },
  ])('$kind has no reason against it', (value) => {
    expect(Outcome.parse(value)).toEqual({ kind: value.kind });
  });

  it.for([
    { kind: 'held', why: 'budget' },
    { kind: 'held', why: 'signing' },
    { kind: 'skipped', why: 'voting_paused' },
    { kind: 'failed', why: 'below_confidence' },
    { kind: 'held' },
    { kind: 'skipped' },
    { kind: 'failed' },
  ])('there is no %j', (value) => {
    expect(Outcome.safeParse(value).success).toBe(false);
  });

  it('has words for every reason, no two alike', () => {
    const reasons = [...new Set([...HeldWhy.options, ...SkippedWhy.options, ...FailedWhy.options])];
    const words = reasons.map(outcome.wordsFor);
    expect(new Set(words).size).toBe(reasons.length);
    expect(words.every((text) => text.length > 8)).toBe(true);
  });
});

describe('usage adds up', () => {
  const one = { calls: 1, input_tokens: 10, output_tokens: 5, cost_usd: 0.5 };

  it('to nothing where there is nothing', () => {
    expect(decision.addUsage([])).toEqual({ calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 });
  });

  it('field by field', () => {
    expect(decision.addUsage([one, one])).toEqual({ calls: 2, input_tokens: 20, output_tokens: 10, cost_usd: 1 });
  });

  it('to a cost that is not known where one part is not', () => {
    expect(decision.addUsage([one, { ...one, cost_usd: null }, one]).cost_usd).toBeNull();
  });
});
