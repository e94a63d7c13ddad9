/** Reads the JSON of a reply. Nothing is searched for in prose: the reply is one JSON value, with the wrapping that models put around one. */

export type ReplyJson =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'none'; readonly why: string };

/** What a model thought before it answers, where the endpoint leaves it in. */
const THOUGHT = /^\s*<think>[^]*?<\/think>/;
/** A block of code with nothing before or behind it. */
const BLOCK = /^\s*```(?:json)?[ \t]*\n([^]*)\n[ \t]*```\s*$/;

/** The JSON value of a reply, or why there is none: a field that is there twice says two things at once. */
export function readJson(reply: string): ReplyJson {
  const answer = reply.replace(THOUGHT, '');
  const text = BLOCK.exec(answer)?.[1] ?? answer;
  try {
    const value: unknown = JSON.parse(text);
    return saysTwice(text) ? { kind: 'none', why: 'it has a field twice' } : { kind: 'json', value };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { kind: 'none', why: 'it is not JSON' };
  }
}

/** A string, with the colon that makes it the name of a field; or where an object or list begins or ends. */
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|[{}[\]]/g;

/** Whether any object of a valid JSON text has a field twice. */
function saysTwice(json: string): boolean {
  const open: Set<string>[] = [];
  for (const [token, text, colon] of json.matchAll(TOKEN)) {
    if (text === undefined) {
      if (token === '{' || token === '[') open.push(new Set());
      else open.pop();
    } else if (colon !== undefined) {
      const name = String(JSON.parse(text));
      const names = open.at(-1);
      if (names?.has(name) === true) return true;
      names?.add(name);
    }
  }
  return false;
}
