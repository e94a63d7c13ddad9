/**
 * The EIP-712 type sets that the sequencer accepts: the SHA-256 of JSON.stringify(types), so the order of the fields, and
 * `name` before `type` in each, are part of the name.
 */
import { createHash } from 'node:crypto';

export type MessageKind = 'vote' | 'vote-array' | 'vote-string' | 'alias';

const ACCEPTED: Readonly<Record<MessageKind, readonly string[]>> = {
  vote: [
    'fb8fa9816cd42974e7f1af671aa548c8c458553364ed809e45042f141de8c0d5',
    'e4b768874f191321f9a6460e15f87e98800c78c1e3104f9d4e443f2ed9b1c45e',
    'c2e77cabf40490a8419d35b47bee2dc9f7759f004d51404ba617e7c4b14eb4ec',
    'bfeb52fefb3cf93d06e6c146dd4a16e88f5ab1e9777bd95b0b6160cd2aba565a',
    '9f5632e3d8846ae2cde2366b77e4690dec595ec3b932b7713c905187d4fd181c',
    '50084aae0fe117c83ddf855557dde35ae2872e9045443a15f72aa6c68ea3943b',
    '43ad7ff95a9851492a09f8b3afdfa3ad2c28a10a371586d56fcc100f3ae8766c',
    'bc8c6814ddd5b9b6ef6415c656c9e7b9e05e029cc19b954b7160dc2928a12caf',
    '7b564612c125cd62c00c066ef4721fae1179a27238cd398b16f9813239fb248a',
    '0982321a37996bab9519d2cbbed8625187ac39e6153bf5341dd66edfd25d28d4',
    '258ddbad661d7530f23c4b945e847df99764b9e5e3bc6e127e41d07e4d0cc8b2',
    'c77a39b4525f80edda58f3653424fb334c34eb733cbd14fbeaeac7df883b12a1',
  ],
  'vote-array': [
    '5f95ed849bafb034c37e340dc06ad6fa6985d674714cb602a6bf11119ffba2a1',
    '86c81555a3dda45aa7b151c574dc27f7402c23d9b1432156f1daa6c2e15f9891',
    '09635280c0ac5c801b997b20db5ef0bc71c1b27e01220d52e0d55e9f2612671d',
    'b7a980854cf2772e2c4b418df0ffee5add68c8f46926af9c92c9c01c79049324',
    'f2ad79a1a9ff7bedacf8380f1e1e764d3f6094ad16eae974d1ef20df22e764bf',
    '1dfe3863f6333a85581fb150d4ee77c95a6d026c518ca1b11c08ae1d98acd598',
    'e96749dcafbe24c60e422fc27dc3eb47578d1981ec1dc5356995414656490892',
    '9cf05f3cc08b78654652fb2494d9b2beab8803b723cf1c36e1abaab7427f3823',
    '078d9c91ec3321dd1f0de0c152676e8d37b585b7b7b2f37d49b28cb8db08f61c',
    'e557d7869559924326c5ab88fc19eca604694be2ff5df2e6b6443e1974b54525',
    '4e064f8ce7a1aa3e95666117eaab5afbd515be5e94ea25ea037c9c803819ae69',
    'df8bea6fea4f124ef988d71c79c6aef5828f42a1456113324896414424ed6c58',
  ],
  'vote-string': [
    'afc5911fd9722b3dc5e8b16a552997510644a52d2b229c3868fb1910b112416e',
    'c0f418890817b3e6deb58fa3182bf8ed7619242666a9087eab28f27a6876e1da',
    '59b60a06b729bf429bb984f2ce93dd9be08e013fdc59bfb39493114ad31a79d3',
    'fdee6a1cfaa9aa1219c9d6117e5850b5ad2fecd91580ef60947ebaeda9da0fe6',
    'e731b9f36a18d4ba17b453e27db4210d02a1433ae08c21f6b5ba57df6d4efcfe',
    '1814c3dd303c5919ce488b924f92b9a42a0834972f514e55b1879fda48e67736',
    '4ce05af3e66945ce30c03f1dd9d148a845d6491b0c9f8368acc211b321da7063',
    '40bc49afc0f4084a08af0d768ff67816dde5c61550ff65008c835982a62c351e',
    '112ba2ecb692f822eeacb1f2961fddec432925abf1b14b6732937c1029a26516',
    'ed24a65f4e1c377d7d0176e51c4000506f04df0d07df7a229f9ed9e69aa0a2e0',
    'dc18975713da65e4874577c67f56aa674c9ecf61d3f75eadbde061e8924e423a',
    '1f85be40d703b7136fc0cfdad361572514299b79cbb286e875165d38d1e4f084',
  ],
  alias: [
    'bba61ef296236b010c696ae0c341f5e77093b19d606722aa189efd255877d560',
    '1aad7825b991457fca04aae48a2a49d815ada524e10316af0da5522ea48b3df6',
  ],
};

/** What kind of message these types describe; null where the sequencer does not know them. `EIP712Domain` must be gone already. */
export function kindOfTypes(types: unknown): MessageKind | null {
  const hash = createHash('sha256').update(JSON.stringify(types)).digest('hex');
  if (ACCEPTED.vote.includes(hash)) return 'vote';
  if (ACCEPTED['vote-array'].includes(hash)) return 'vote-array';
  if (ACCEPTED['vote-string'].includes(hash)) return 'vote-string';
  return ACCEPTED.alias.includes(hash) ? 'alias' : null;
}
