/** That it is read as the platform's own is, in every way that there is. */
import { describe, expect, it } from 'vitest';
import { WholeAnswer } from './whole-answer.ts';

const about = { status: 404, statusText: 'Not Found', headers: { 'content-type': 'application/json' } };

function both(body: string | Buffer): readonly Response[] {
  const bytes = Buffer.from(body);
  return [new Response(bytes, about), new WholeAnswer({ ...about, headers: new Headers(about.headers), bytes })];
}

type Reading = (response: Response) => unknown;

/** What is read, or the class of what is thrown. */
async function read(reading: Reading, response: Response): Promise<unknown> {
  try {
    return await reading(response);
  } catch (error) {
    return error instanceof Error ? error.name : error;
  }
}

const READINGS: Readonly<Record<string, Reading>> = {
  text: (response) => response.text(),
  json: (response) => response.json(),
  'an array buffer': async (response) => Buffer.from(await response.arrayBuffer()),
  bytes: async (response) => Buffer.from(await response.bytes()),
  'a blob': async (response) => (await response.blob()).text(),
  'a form': (response) => response.formData(),
  'a stream': async (response) => [await new Response(response.body).text(), response.bodyUsed],
  'a clone': async (response) => [await response.clone().text(), await response.text()],
  'text twice': async (response) => [await response.text(), await read((each) => each.text(), response)],
  'text, then bytes': async (response) => [await response.text(), await read((each) => each.bytes(), response)],
  'bytes, then text': async (response) => [
    (await response.bytes()).length,
    await read((each) => each.text(), response),
  ],
  'text, then a clone': async (response) => [await response.text(), await read((each) => each.clone(), response)],
  'whether it was read': async (response) => [response.bodyUsed, await response.text(), response.bodyUsed],
  'what it says of itself': ({ status, statusText, ok, type, url, redirected, headers }) => [
    { status, statusText, ok, type, url, redirected },
    [...headers],
  ],
};

describe('an answer that has arrived', () => {
  it.for(Object.keys(READINGS))("is read as the platform's own: %s", async (name) => {
    const reading = READINGS[name];
    expect.assert(reading !== undefined);
    const bodies = ['', '{"data":"提案"}', '\ufeff{"data":1}', 'no JSON', Buffer.from([0x7b, 0xff, 0xc3, 0x28])];
    for (const body of bodies) {
      const [platform, ours] = await Promise.all(both(body).map((response) => read(reading, response)));
      expect(ours).toEqual(platform);
    }
  });
});
