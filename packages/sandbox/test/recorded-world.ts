/** The world that the recorded cases were recorded in, rebuilt from what they say about it. */
import type { VotingType } from '@quorum/snapshot/proposal';
import type { World } from '../src/world.ts';

const START = 1_795_332_256;
const END = 1_796_545_456;
/** When most of the cases were recorded. */
export const RECORDED_AT = 1_795_335_861;

const MAIN = '0xb02F5C0009f2A959f8de5165964D5c4740d5A097';
const SINGLE = '0x4e33b192ebea7f3bfc26ae1f3bb5bcde7ec014645730496d1c92b161f88b4377';
const NO_POWER = '0xf3d43b3e01d9353900a10cad575d15c3f5b902b8d3ad6034973f49eb31cbf4c1';
const POWER_FAILS = '0x76a20677f88cba71ee817e76fd1256ca0f68a460cfe225914e9a6148811bd85d';
const POWER_PENDING = '0x72ae34e409d9d50f44f4860d52ca1a423dc50856616091b80712c51ad7bf02e1';
const DENIED = '0xa56064db3dfa530314c7fc87eb101097b5fd1d05509a9288019679142ffe1d48';
const VALIDATION_FAILS = '0xd03834c2c5cd62967dbd26ebbc265fbcef03acd54f2f1dd7dd568b621f840b16';

type Row = {
  id: string;
  type: VotingType;
  choices?: number;
  shutter?: true;
  space?: string;
  start?: number;
  end?: number;
};

const PROPOSALS: readonly Row[] = [
  { id: '0xfbb7b5bf4ca348eeeebf8cc3660712859a5a1fbf18e83217a57ce203fb51d5c2', type: 'basic' },
  { id: SINGLE, type: 'single-choice', choices: 4 },
  { id: '0x9deb65b8788f41ff94a217842017db2f843954fc0eb46110835903908e5a265f', type: 'approval' },
  { id: '0x53d9df221fe5db3899d859ef70cecc2fd117374fb94a7f10544324c6b73181d3', type: 'ranked-choice' },
  { id: '0xb8c7447ac1e0d7bb795d33ced92f9051afa374d2e9b923007704d5f8e0449368', type: 'copeland' },
  { id: '0xf5f0b7008b9ef554ad4c565ff03b024ff543edd9008951b738cb2f35c8b8e829', type: 'weighted' },
  { id: '0x3d02524bf5ad466df721fc0051d42599e2d4faaef25c7b7a71cc4cda604bf0ca', type: 'quadratic' },
  { id: '0x9f898b5fc32a73a6f453610cf057a9dd8362fcf50bf77f8f6f6924ae8014b8d9', type: 'weighted' },
  { id: '0x705963a37c91b9674ddcb96fd81a304778577aed7ed2b55393b3fb61617ef65e', type: 'single-choice', shutter: true },
  { id: '0xa01902e114bc65f94135aa7cb8dce4bedf9886936b2387d73d20e65220898e4f', type: 'weighted', shutter: true },
  { id: NO_POWER, type: 'single-choice' },
  { id: POWER_FAILS, type: 'single-choice' },
  { id: POWER_PENDING, type: 'single-choice' },
  { id: DENIED, type: 'single-choice' },
  { id: VALIDATION_FAILS, type: 'single-choice' },
  {
    id: '0xf5587e8a4b25f6d2d073fc97a4b06d1d99e304758d3f9d4b1794f0097272aa59',
    type: 'single-choice',
    space: 'flagged.eth',
  },
  { id: '0xfc66f021c67d064c1490a12b5a4d4d2f5167ca692a16ca12f1f3a4cda29a6fa9', type: 'basic', start: 1_794_471_856 },
  { id: '0xc3eefb58d7c42440a9d4abec51d629544d635a6d936ff3c4d3fca96d611b3cf3', type: 'basic', end: START + 1_000 },
];

export function recordedWorld(): World {
  return {
    now: RECORDED_AT,
    spaces: [
      { id: 'localdao.eth', name: 'Local DAO' },
      { id: 'flagged.eth', name: 'Local DAO', flagged: true, hibernated: true },
    ],
    proposals: PROPOSALS.map((row) => ({
      id: row.id,
      space: row.space ?? 'localdao.eth',
      type: row.type,
      title: `Test ${row.type}`,
      choices: ['For', 'Against', 'Abstain', 'Other'].slice(0, row.choices ?? 3),
      privacy: row.shutter ? ('shutter' as const) : ('' as const),
      start: row.start ?? START,
      end: row.end ?? END,
    })),
    aliases: [
      { id: '0xa7', address: MAIN, alias: '0x344F4B001c7bc57413546ab8f94B6c6bfFa1E9Bb', created: RECORDED_AT - 1 },
    ],
    voting_power: [
      { space: 'localdao.eth', default: true, vp: 10 },
      { space: 'flagged.eth', default: true, vp: 10 },
      { proposal: NO_POWER, default: true, vp: 0 },
      { proposal: POWER_FAILS, default: true, fail: true },
      { proposal: POWER_PENDING, default: true, vp: 10, pending: true },
    ],
    validations: [
      { proposal: DENIED, allow: false },
      { proposal: VALIDATION_FAILS, fail: true },
    ],
  };
}
