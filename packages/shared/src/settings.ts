/**
 * What a schema says of its settings beside their values: each mark is made where the setting is defined, and nowhere else.
 *
 *   reloads('job', …)   taken anew by the next job or request after a change of the file
 *   reloads('run', …)   taken anew by the next run: one that has begun keeps what it began with
 *   (neither)           needs a restart
 *   secret(…)           never shown, logged or written into a record
 *   managed(…)          set by `npm start` and by compose themselves, so no operator finds it in `.env.example`
 *
 * The marks are in the types too: code that is built at the start cannot name a setting that may change later.
 */
import { z } from 'zod';

const RELOADS = Symbol('reloads');
const SECRET = Symbol('secret');
const MANAGED = Symbol('managed');

/** When a changed setting applies. */
export type Reload = 'job' | 'run';

type Unmarked<Mark extends symbol> = z.ZodType & { readonly [Key in Mark]?: never };

/** Marks a setting that may change while the service runs. The outermost of its schema, since zod's methods make copies. */
export function reloads<R extends Reload, T extends Unmarked<typeof SECRET>>(
  when: R,
  schema: T,
): T & { readonly [RELOADS]: R } {
  return Object.assign(schema, { [RELOADS]: when });
}

/** Marks a setting whose value nobody may see. It never reloads: a run would write it into its record. */
export function secret<T extends Unmarked<typeof RELOADS>>(schema: T): T & { readonly [SECRET]: true } {
  return Object.assign(schema, { [SECRET]: true as const });
}

/** Marks a setting that whatever starts the service sets. */
export function managed<T extends z.ZodType>(schema: T): T & { readonly [MANAGED]: true } {
  return Object.assign(schema, { [MANAGED]: true as const });
}

type Shape<S extends z.ZodObject> = S['shape'];
type NamesOf<S extends z.ZodObject, R extends Reload> = {
  [Name in keyof Shape<S>]: Shape<S>[Name] extends { readonly [RELOADS]: R } ? Name : never;
}[keyof Shape<S>] &
  keyof z.output<S>;

/** The settings that stay as they were at the start. */
export type Fixed<S extends z.ZodObject> = Pick<
  z.output<S>,
  Exclude<keyof z.output<S>, NamesOf<S, 'job'> | NamesOf<S, 'run'>>
>;
/** The settings that each job or request takes anew. */
export type PerJob<S extends z.ZodObject> = Pick<z.output<S>, NamesOf<S, 'job'>>;
/** The settings that a run keeps from its first job on. */
export type PerRun<S extends z.ZodObject> = Pick<z.output<S>, NamesOf<S, 'run'>>;

/** One setting of a schema, for whoever documents, prints or reloads it. */
export type Setting = {
  readonly name: string;
  readonly reload: Reload | null;
  readonly secret: boolean;
  readonly managed: boolean;
  readonly description: string;
  /** What it may be, in words. */
  readonly takes: string;
  /** The default as it would stand in a file; null where there is none. */
  readonly default: string | null;
  /** Whether it must be set. */
  readonly needed: boolean;
};

/** Every setting of a schema, in its order. */
export function settingsOf(schema: z.ZodObject): Setting[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const [json, given] = [jsonOf(field, 'output'), jsonOf(field, 'input')];
    const fallback = defaultOf(json) ?? defaultOf(given);
    return {
      name,
      reload: reloadOf(field),
      secret: SECRET in field,
      managed: MANAGED in field,
      description: json.description ?? '',
      takes: takesOf(name, json),
      default: fallback,
      needed: fallback === null && !z.safeParse(field, undefined).success,
    };
  });
}

function reloadOf(field: object): Reload | null {
  const mark = RELOADS in field ? field[RELOADS] : null;
  return mark === 'job' || mark === 'run' ? mark : null;
}

const Field = z.object({
  type: z.string().optional(),
  format: z.string().optional(),
  pattern: z.string().optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  default: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]).optional(),
  description: z.string().optional(),
});
type Field = z.infer<typeof Field>;
const JsonSchema = z.object({ properties: z.object({ field: Field }) });

function jsonOf(field: z.core.$ZodType, io: 'input' | 'output'): Field {
  return JsonSchema.parse(z.toJSONSchema(z.object({ field }), { unrepresentable: 'any', io })).properties.field;
}

function defaultOf({ default: value }: Field): string | null {
  if (value === undefined) return null;
  if (typeof value === 'boolean') return value ? '1' : '0';
  return String(value);
}

function takesOf(name: string, field: Field): string {
  if (field.enum !== undefined) return field.enum.join(', ');
  switch (field.type) {
    case 'boolean':
      return '1 or 0';
    case 'integer':
      return `a whole number${range(field)}`;
    case 'number':
      return `a number${range(field)}`;
    case 'array':
      return 'a list, separated by commas';
    case 'object':
      return 'JSON';
    default:
      if (field.format === 'uri') return 'a URL';
      if (field.pattern !== undefined) return `text like ${field.pattern}`;
      if (name.endsWith('_FILE')) return 'the path of a file';
      return name.endsWith('_DIR') ? 'the path of a folder' : 'text';
  }
}

function range({ minimum, maximum, exclusiveMinimum }: Field): string {
  // zod gives every whole number the bounds of what a double holds exactly.
  const top = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const least = minimum ?? exclusiveMinimum;
  const from = minimum === undefined ? `above ${least}` : `from ${least}`;
  if (least === undefined) return top === undefined ? '' : ` up to ${top}`;
  return top === undefined ? ` ${from}` : ` ${from}, up to ${top}`;
}
