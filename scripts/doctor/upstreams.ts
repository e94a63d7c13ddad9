/** Hub, sequencer and model: reachable, their keys good, the models there; and our clock against the hub's. */
import { isLive } from '@quorum/shared/config';
import { Address } from '@quorum/snapshot/proposal';
import { printable } from '@quorum/snapshot/printable';
import { z } from 'zod';
import { ask, type Answer } from './ask.ts';
import { broken, fine, unchecked, warning, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

const CLOCK_WARNS_S = 5;
const CLOCK_BROKEN_S = 60;

/** The address without what may be secret in it: user, password, query. */
function placeOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function howToReach(url: string, setting: string): string {
  return isLive(url)
    ? `Look at ${setting} and at the network.`
    : `Start it as it was started: npm start, npm run sandbox or compose’s sandbox profile. Look at ${setting} if it is elsewhere.`;
}

/** Whether hub is there and its key good, and how far our clock is from its own. */
export async function checkHub({ upstreams, voter }: Patient, signal: AbortSignal): Promise<readonly Finding[]> {
  const place = placeOf(upstreams.hub);
  const key = voter?.SNAPSHOT_API_KEY;
  const answer = await ask(
    upstreams.hub,
    {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'x-api-key': key }) },
      body: JSON.stringify({ query: '{ networks { id } }' }),
    },
    signal,
  );
  return [hubFinding(answer, place, upstreams.hub, key !== undefined), clockFinding(answer)];
}

const GraphQlAnswer = z.object({ data: z.object({ networks: z.array(z.unknown()) }) });

function hubFinding(answer: Answer, place: string, url: string, hasKey: boolean): Finding {
  const remedy = howToReach(url, 'SNAPSHOT_HUB_URL');
  if (answer.kind === 'silent') return broken('hub', `${place} cannot be reached: ${answer.why}`, remedy);
  if (answer.status === 401 || answer.status === 403) {
    return broken(
      'hub',
      `${place} refuses ${hasKey ? 'the key of SNAPSHOT_API_KEY' : 'us'} (HTTP ${answer.status})`,
      hasKey ? 'Mend SNAPSHOT_API_KEY, or take it out: then the limit of 100 requests a minute holds.' : remedy,
    );
  }
  if (answer.status === 429) {
    return warning('hub', `${place} asks for fewer requests`, 'Wait a minute; SNAPSHOT_API_KEY raises the limit.');
  }
  if (answer.status === 200 && GraphQlAnswer.safeParse(jsonOf(answer.text)).success) {
    return fine('hub', `${place} answers${hasKey ? ', and the key is good' : ', without a key'}`);
  }
  return broken('hub', `${place} does not answer as a hub does (HTTP ${answer.status})`, remedy);
}

function clockFinding(answer: Answer): Finding {
  if (answer.kind === 'silent' || answer.aheadS === null) return unchecked('clock', 'the hub did not say its time');
  const off = Math.abs(answer.aheadS);
  const says = `this machine's clock is ${off.toFixed(0)} s ${answer.aheadS > 0 ? 'ahead of' : 'behind'} the hub's`;
  const remedy = 'Let it be set by NTP (timedatectl set-ntp true): votes are dated by it, and deadlines kept.';
  if (off > CLOCK_BROKEN_S) return broken('clock', says, remedy);
  return off > CLOCK_WARNS_S
    ? warning('clock', says, remedy)
    : fine('clock', "this machine's clock is that of the hub");
}

const SequencerRoot = z.object({ name: z.string(), relayer: Address });

export async function checkSequencer({ upstreams }: Patient, signal: AbortSignal): Promise<readonly Finding[]> {
  const place = placeOf(upstreams.sequencer);
  const remedy = howToReach(upstreams.sequencer, 'SNAPSHOT_SEQUENCER_URL');
  const answer = await ask(upstreams.sequencer, { headers: { accept: 'application/json' } }, signal);
  if (answer.kind === 'silent') return [broken('sequencer', `${place} cannot be reached: ${answer.why}`, remedy)];
  if (answer.status === 429) {
    return [warning('sequencer', `${place} asks for fewer requests`, 'Wait a minute, and try again.')];
  }
  if (answer.status === 200 && SequencerRoot.safeParse(jsonOf(answer.text)).success) {
    return [fine('sequencer', `${place} answers`)];
  }
  return [broken('sequencer', `${place} does not answer as a sequencer does (HTTP ${answer.status})`, remedy)];
}

const ModelList = z.object({ data: z.array(z.object({ id: z.string() })) });

export async function checkModel({ decider }: Patient, signal: AbortSignal): Promise<readonly Finding[]> {
  if (decider === null) return [unchecked('model', 'its settings are wrong')];
  const { OPENAI_BASE_URL: base, OPENAI_API_KEY: key } = decider;
  const names = [...new Set([...decider.DECIDER_MODELS, ...decider.DECIDER_FALLBACK_MODELS])];
  const place = placeOf(base);
  const remedy = howToReach(base, 'OPENAI_BASE_URL');
  const url = `${base.replace(/\/$/, '')}/models`;
  const answer = await ask(url, { headers: { authorization: `Bearer ${key}` } }, signal);
  if (answer.kind === 'silent') return [broken('model', `${place} cannot be reached: ${answer.why}`, remedy)];
  if (answer.status === 401 || answer.status === 403) {
    const says = `${place} refuses the key of OPENAI_API_KEY (HTTP ${answer.status})`;
    return [broken('model', says, 'Mend OPENAI_API_KEY.')];
  }
  if (answer.status === 404 || answer.status === 405) {
    const says = `${place} does not list its models (HTTP ${answer.status}), so ${names.join(', ')} may be unknown to it`;
    return [warning('model', says, 'See that OPENAI_BASE_URL ends where /models and /chat/completions follow.')];
  }
  if (answer.status === 429) return [warning('model', `${place} asks for fewer requests`, 'Look at your quota there.')];
  const list = ModelList.safeParse(jsonOf(answer.text));
  if (answer.status !== 200 || !list.success) {
    return [broken('model', `${place} does not answer as an OpenAI endpoint does (HTTP ${answer.status})`, remedy)];
  }
  const known = list.data.data.map(({ id }) => id);
  const missing = names.filter((name) => !known.includes(name));
  if (missing.length > 0) {
    const some = known.slice(0, 12).map((id) => printable(id, 60));
    const says = `${place} knows no model ${missing.join(', ')}`;
    const lists = missing.some((name) => decider.DECIDER_MODELS.includes(name))
      ? 'DECIDER_MODELS'
      : 'DECIDER_FALLBACK_MODELS';
    return [broken('model', says, `Mend ${lists}. It knows: ${some.join(', ')}${known.length > 12 ? ' …' : ''}`)];
  }
  return [fine('model', `${place} answers, the key is good, and it has ${names.join(', ')}`)];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // whatever it is, it is not what was asked for
  }
}
