/** The span of one request to a model, in the words of OpenTelemetry's conventions. Of what is asked and answered it says nothing. */
import type { NoAnswerWhy, Usage } from '@quorum/shared/decision';
import { inSpan } from '@quorum/shared/trace-context';
import { requestTo } from '@quorum/shared/trace-upstream';

type Answer = {
  readonly result: { readonly kind: 'said' } | { readonly kind: 'none'; readonly why: NoAnswerWhy };
  readonly usage: Usage;
};

/** Asks a model in a span of its own, if traces are on. */
export function inModelSpan<T extends Answer>(model: string, baseUrl: string, ask: () => Promise<T>): Promise<T> {
  const about = () =>
    requestTo(baseUrl, `chat ${model}`, {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': model,
    });
  return inSpan(about, async (span) => {
    const answer = await ask();
    const { result, usage } = answer;
    span.set({
      'gen_ai.usage.input_tokens': usage.input_tokens,
      'gen_ai.usage.output_tokens': usage.output_tokens,
      'quorum.model.answer': result.kind === 'said' ? 'said' : result.why,
    });
    return answer;
  });
}
