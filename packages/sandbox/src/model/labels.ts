/** What a label means, in the languages that proposals are most often written in: for, against, abstain, or something of its own (a candidate, an amount). */

export type Stance = 'for' | 'against' | 'abstain' | 'other';

const WORDS: readonly (readonly [Exclude<Stance, 'other'>, readonly string[]])[] = [
  [
    'abstain',
    [
      'abstain',
      'abstention',
      'abstencion',
      'abstenerse',
      'me abstengo',
      'none of the above',
      'en blanco',
      'abstencao',
      'abster',
      'enthaltung',
      'astenuto',
      'astensione',
      'воздержаться',
      'воздерживаюсь',
      '棄権',
      '기권',
      '弃权',
      'امتناع',
      'ممتنع',
    ],
  ],
  [
    'against',
    [
      'against',
      'no',
      'nay',
      'reject',
      'deny',
      'decline',
      'oppose',
      'do nothing',
      'do not',
      'en contra',
      'contra',
      'rechazar',
      'rechazo',
      'contre',
      'non',
      'nao',
      'dagegen',
      'nein',
      'contrario',
      'против',
      'нет',
      '反対',
      '반대',
      '反对',
      '不同意',
      'لا',
      'ضد',
      'ارفض',
    ],
  ],
  [
    'for',
    [
      'for',
      'yes',
      'yea',
      'aye',
      'yae',
      'approve',
      'accept',
      'support',
      'adopt',
      'enact',
      'in favor',
      'in favour',
      'a favor',
      'si',
      'aprobar',
      'apruebo',
      'aceptar',
      'de acuerdo',
      'pour',
      'oui',
      'sim',
      'dafur',
      'ja',
      'favorevole',
      'за',
      'да',
      '賛成',
      '찬성',
      '赞成',
      '同意',
      '支持',
      'نعم',
      'موافق',
      'اوافق',
    ],
  ],
];

/** By the words that the label opens with: 'No, keep it' is against, 'A fund for parks' is something of its own. */
export function stanceOf(label: string): Stance {
  const words = plain(label);
  for (const [stance, openings] of WORDS) {
    if (openings.some((opening) => words === opening || words.startsWith(opens(opening)))) return stance;
  }
  return 'other';
}

/** Chinese does not put a space after a word. */
function opens(opening: string): string {
  return /^\p{Script=Han}/u.test(opening) ? opening : `${opening} `;
}

/** Lower case, no accents, letters and digits only. */
export function plain(text: string): string {
  return (
    text
      .normalize('NFD')
      .replace(/\p{M}/gu, '')
      // Hangul syllables come apart with the accents, and are letters again.
      .normalize('NFC')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, ' ')
      .trim()
  );
}
