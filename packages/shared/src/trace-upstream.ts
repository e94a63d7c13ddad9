/**
 * The spans of requests that go out. No trace goes with them: Snapshot and the makers of models learn nothing of ours. The address is
 * told without its path and query, which may hold a key.
 */
import type { HubOptions } from '@quorum/snapshot/hub';
import type { Sequencer } from '@quorum/snapshot/sequencer';
import { inSpan, type About, type Attributes } from './trace-context.ts';

/** A request to this server. */
export function requestTo(url: string, name: string, attributes: Attributes): About {
  const { hostname, port, protocol } = new URL(url);
  return {
    name,
    kind: 'client',
    attributes: {
      'http.request.method': 'POST',
      'server.address': hostname,
      'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      ...attributes,
    },
  };
}

/** What is put around each request to the hub: a span within `pass`, so that one which a shut gate refuses is none. */
export function aroundHub(
  url: string,
  pass: <T>(ask: () => Promise<T>) => Promise<T>,
): NonNullable<HubOptions['around']> {
  return (ask, query) => {
    const attributes = { 'graphql.operation.type': 'query', 'graphql.operation.name': query };
    const about = (): About => requestTo(url, `query ${query}`, attributes);
    return pass(() => inSpan(about, ask));
  };
}

/** The sequencer, each send in a span that says what came of it. */
export function tracedSequencer(url: string, sequencer: Sequencer): Sequencer {
  return {
    ...sequencer,
    submit: (envelope, signal) =>
      inSpan(
        () => requestTo(url, 'submit vote', {}),
        async (span) => {
          const result = await sequencer.submit(envelope, signal);
          span.set({ 'quorum.sequencer.answer': result.kind });
          if (result.kind === 'unknown') span.fail('unknown');
          if (result.kind === 'refused') {
            const { code, status } = result.refusal;
            if (status > 0) span.set({ 'http.response.status_code': status });
            span.fail(code);
          }
          return result;
        },
      ),
  };
}
