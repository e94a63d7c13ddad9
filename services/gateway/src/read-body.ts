/** Reading what a request says, with an error that names each field that does not fit. */
import { ValidationError } from '@quorum/shared/errors';
import type { z } from 'zod';

/**
 * Parses a body at once and tells only when asked: what is wrong is told to whoever may ask, and that is found out meanwhile. The
 * function that comes back throws a `ValidationError` where the body does not fit.
 */
export function readBody<S extends z.ZodType>(schema: S, body: unknown): () => z.output<S> {
  const parsed = schema.safeParse(body);
  return () => {
    if (parsed.success) return parsed.data;
    throw new ValidationError('The body does not fit; see errors.', parsed.error.issues.flatMap(fieldErrors));
  };
}

/** The same for what stands in the path or the query. */
export function readParameter<S extends z.ZodType>(name: string, schema: S, value: unknown): () => z.output<S> {
  const parsed = schema.safeParse(value);
  return () => {
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new ValidationError(`The ${name} does not fit.`, [{ path: name, message: issue?.message ?? 'does not fit' }]);
  };
}

function fieldErrors(issue: z.core.$ZodIssue): { path: string; message: string }[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: key, message: 'is not a known field' }));
  return [{ path: issue.path.join('.'), message: issue.message }];
}
