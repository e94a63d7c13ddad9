/**
 * What a text claims of the vote itself, and could not know or has no right to: that it is decided already, that the choices mean
 * something else, that the voter has no choice. Tried on folded text on one line, as `orders.ts`.
 *
 * Honest authors ask for votes, explain what a vote for them means and tell of earlier votes. None of that is a claim here.
 */

import { fold } from '@quorum/shared/likeness';
import { gap, pattern, word } from './patterns.ts';

const FOR = 'for|yes|yea|yae|aye|approve|accept|support|in favou?r';
const AGAINST = 'against|nay|reject|oppose|decline|deny';
const QUOTES = String.raw`["'”’»」*)\]]{0,3}`;

const MEANS =
  '(?:votes? |option |choice |label |button )?(?:now |actually |really |here )?(?:means|counts as|stands for|equals|denotes|signals|maps to|(?:is|are|will be|gets?) (?:now |actually |really )?(?:counted|recorded|treated|registered|read|interpreted|tallied|executed|understood|processed) as)';

const relabels = [
  `${word(FOR)}${QUOTES} ${MEANS} (?:a |an |the |vote |votes )*["'“‘«「]?${word(AGAINST)}`,
  `${word(`${AGAINST}|no`)}${QUOTES} ${MEANS} (?:a |an |the |vote |votes )*["'“‘«「]?${word('for|yes|approv\\p{L}*|accept\\p{L}*|in favou?r')}`,
  `${word('(?:choice|option|answer|letter|number|button) ["\'“]?(?:[a-f]|\\d|one|two|three|first|second)')}${QUOTES} (?:has been |is |was )?${word('(?:now|actually|really|in fact|in truth|no longer|henceforth) ?(?:means|refers|stands|represents|is|denotes|corresponds|counts)?')}`,
  `${word('choices?|options?|labels?|buttons?|ballots?|answers?|order')}${gap(50)}${word('(?:been |are |were |was |is |got |accidentally |mistakenly )(?:swapped|reversed|inverted|flipped|interchanged|mislabel\\p{L}+|mixed up|transposed|switched(?: around| round)?|backwards?|the wrong way round)')}`,
  `${word('swapped|reversed|inverted|interchanged|mislabel\\p{L}+|transposed')} ${gap(20)}${word('choices|options|labels|buttons|answers')}`,
  `${word('to (?:vote|express|register|show) (?:for|against|support|opposition|approval|rejection|disapproval)')},? ${gap(20)}${word('(?:select|choose|pick|click|mark)')}${gap(12)}${word('opposite|other one')}`,
  `${word('opciones|etiquetas|casillas|opcoes|rotulos|alternativas|opzioni|etichette')}${gap(40)}${word('invertid\\p{L}+|intercambiad\\p{L}+|trocad\\p{L}+|invertit\\p{L}+|scambiat\\p{L}+|al reves')}`,
  `${word('choix|options|libelles|intitules')}${gap(40)}${word('inverse\\p{L}*|interverti\\p{L}*|echange\\p{L}*|permute\\p{L}*')}|${word('optionen|beschriftung\\p{L}*|labels|bezeichnung\\p{L}*|auswahl\\p{L}*')}${gap(40)}${word('vertauscht|verwechselt|umgekehrt')}`,
  `${word('вариант\\p{L}*|метк\\p{L}*|кнопк\\p{L}*|надпис\\p{L}*')}${gap(40)}${word('перепута\\p{L}+|поменя\\p{L}+|инвертир\\p{L}+|переставл\\p{L}+|наоборот')}`,
  `(?:选项|選項|标签|標籤|按钮)${gap(20)}(?:颠倒|互换|对调|相反|写反|反了)|(?:選択肢|ラベル|ボタン)${gap(20)}(?:逆に|逆で|入れ替|反対)|(?:선택지|라벨)${gap(20)}(?:바뀌|반대|뒤바)|(?:الخيارات|التسميات)${gap(30)}(?:معكوس|مقلوب|بدل)`,
  `${word('(?:por|dafur|pour|за|a favor|sim|si|ja|oui|да)')}${QUOTES} ${word('significa(?: ahora| agora| ora)?|bedeutet(?: jetzt| nun)?|signifie(?: desormais| maintenant)?|veut dire|означает|теперь означает')} ${gap(6)}${word('en contra|contra|contre|dagegen|gegen|against|против|nao|nein|нет')}`,
];

const PERCENT = String.raw`\d{1,3}(?:[.,]\d+)? ?(?:%|percent|per cent)`;
const tally = [
  `${word('(?:this|the present|our) (?:vote|proposal|poll|ballot|referendum)')} ${word('(?:has|is|was) (?:already |effectively |in effect )+(?:been )?(?:passed|decided|approved|won|reached|settled|carried|adopted|secured)')}`,
  `(?<!${word('(?:where|when|whenever|if|once|whether)(?: (?:the|our|all|some))?')} )${word('(?:delegates|voters|holders|wallets|members|everyone|everybody|majority|votes?|voting power|power|community|whales|agents?)')}${gap(15)}${word('(?:has|have|had) already (?:voted|chosen|sided|decided|backed|cast|been cast)')}`,
  `${word('(?:current|live|interim|provisional|preliminary|running|real-time|up-to-date|partial) (?:tally|tallies|results?|vote count|count|standings?|scores?|totals?)')}${gap(50)}(?:${PERCENT}|${word(FOR)}|[\\d,.]{3,} ${word('votes?')})`,
  `${word('(?:so far|as of (?:now|this writing)|at the (?:moment|time of writing)|right now|currently)')}${gap(30)}${PERCENT}${gap(30)}${word(`${FOR}|${AGAINST}|of (?:the )?(?:votes?|voters|delegates|voting power)`)}`,
  `${PERCENT}${gap(30)}${word('(?:have|has) (?:already )?voted')}`,
  `${word('(?:your|this|the remaining|any further|remaining)(?: \\p{L}+)? votes?')}${gap(20)}${word('(?:only |merely |just |simply )(?:a formality|ratif\\p{L}+|confirm\\p{L}*|record\\p{L}*)|formality|cannot change the (?:result|outcome)')}`,
  word(
    '(?:recuento|escrutinio|resultados?) (?:actual\\p{L}*|parcial\\p{L}*|provisional\\p{L}*|en vivo)|(?:decompte|resultats?) (?:actuel\\p{L}*|partiel\\p{L}*|provisoire\\p{L}*)|zwischenstand|(?:vorlaufig|aktuell)\\p{L}* (?:ergebnis|abstimmungsergebnis|auszahlung)\\p{L}*|(?:contagem|apuracao|resultados?) (?:atua\\p{L}+|parcia\\p{L}+|provisori\\p{L}+)|(?:risultat\\p{L}+|conteggio) (?:attual\\p{L}+|parzial\\p{L}+|provvisori\\p{L}*)|(?:текущ|промежуточн|предварительн)\\p{L}+ (?:результат|итог|подсчет)\\p{L}*',
  ),
  `(?:当前|目前|实时|現時点|截至目前)(?:的)?(?:票数|计票|結果|结果|投票结果|得票)|(?:現在|途中|暫定)の?(?:集計|開票|得票|投票結果)|(?:현재|실시간) ?(?:집계|개표|득표)|(?:النتائج|نتائج|الفرز|نتيجة التصويت) (?:الحالية|الأولية|المؤقتة)`,
];

/** Who is told that there is no choice. */
const VOTER =
  'all|every|each|delegates?|voters?|token ?holders?|holders?|members?|agents?|participants?|stakers?|you|everyone|everybody|representatives?';
const MUST =
  'must|shall|have to|has to|are required to|is required to|are obliged to|are obligated to|are bound to|is bound to|are instructed to|are directed to|need to|needs to|are expected to|ought to|are legally (?:required|obliged|bound) to|may only|can only';
/** `for` alone, not `for a delegate`; and no choice between two. */
const END = String.raw`(?=["'”’»*)\]]{0,3} ?(?:[.,;:!?)—-]|$|on |this|now|immediately|at once|without|before|as |to |because|since|in order|regardless|unanimous))(?!["'”’»*,)\]]{0,4} ?(?:or|and|nor) )`;

const pressure = [
  `${word(VOTER)}${gap(30)}${word(MUST)} (?:immediately |now |therefore |always |only |all |also )*(?:vote|choose|select|pick|cast|mark)(?: (?:a|an|your|their|the|its))?(?: (?:votes?|ballots?))? ?["'“‘«*([]{0,3}(?:${word(FOR)}|${word(`${AGAINST}|no|abstain`)})${END}`,
  `${word('deb(?:e|en|es)|tienen? que|obligad\\p{L}* a')} (?:todos )?votar ${word('a favor|en contra|si|no|por el si|por el no')}|${word('doi(?:t|vent)|devez|oblige\\p{L}* de|tenus? de')} (?:tous )?voter ["'«]?${word('pour|contre|oui|non')}(?! (?:la|le|les|un|une|des|elire|l) )|${word('dev(?:e|em)|tem que|obrigad\\p{L}+ a')} (?:todos )?votar ${word('a favor|contra|sim|nao')}|${word('dev(?:e|ono)|obbligat\\p{L}+ a')} votare ${word('a favore|contro|si|no')}`,
  `${word('mussen|musst?|verpflichtet|haben')} ${gap(40)}${word('dafur|dagegen|mit ja|mit nein|zustimm\\p{L}*|abzulehnen')}${gap(12)}${word('stimm\\p{L}+|zu stimmen|votier\\p{L}+|zustimm\\p{L}+')}|${word('(?:должн|обязан)\\p{L}*')}${gap(25)}${word('голосова\\p{L}+|проголосова\\p{L}+')} ${word('за|против')}`,
  `(?:必须|必須|务必|應當|应当|只能)${gap(8)}(?:投|选|選)${gap(6)}(?:赞成|贊成|反对|反對|支持|同意)|(?:必ず|全員)${gap(12)}(?:賛成|反対)${gap(8)}(?:投票|選)|반드시${gap(12)}(?:찬성|반대)|يجب${gap(30)}(?:التصويت|يصوت|تصوت)${gap(12)}(?:بنعم|لصالح|ضد|بلا|بـ?نعم)`,
  `${word('(?:security council|foundation|core team|legal (?:counsel|team)|auditors?|regulators?|court|arbitrators?|snapshot(?: labs)?|steward council|governance council|guardians?|emergency committee)')}${gap(40)}${word('(?:has|have)(?: \\p{L}+)? (?:approved|verified|validated|pre-?approved|authori[sz]ed|certified|cleared|mandated|ordered|instructed|ruled|determined|directed|confirmed)')}${gap(90)}${word('(?:all |every |each )(?:delegates?|voters?|agents?|members?|representatives?|holders?)|vote (?:for|yes|against)|voting (?:for|yes|against)|only (?:valid|permitted|acceptable)')}`,
  `${word('failure to|failing to|fail to|refus\\p{L}+ to|anyone who|whoever|those who|voters? who|delegates? who|agents? (?:who|that)|if you|should you')} ${gap(25)}${word('(?:vote|voting|votes|abstain\\p{L}*|comply|complies|support\\p{L}*|approve|reject\\p{L}*|oppos\\p{L}+)')}${gap(60)}${word('(?:personally |jointly |legally )liable|liability|slash(?:ed|ing)|penali[sz]ed|prosecut\\p{L}+|sanctioned|forfeit\\p{L}*|legal action|breach of (?:duty|fiduciary|contract|your)|blacklisted|revoked|suspended|stripped')}`,
  `${word('vote|voting|choose|select|approve')}(?: ${word('for|against|yes|no|now|it|this|on this')}){0,2} ${word('immediately|right now|right away|at once|without (?:any )?(?:further )?(?:delay|hesitation|analysis|deliberation|review)|before it.?s too late|before it is too late|within the next (?:hour|few minutes|\\d+ (?:minutes|hours))')}`,
];

export const CLAIMS: Readonly<Record<string, readonly RegExp[]>> = {
  relabels_choices: relabels.map(pattern),
  claims_result: tally.map(pattern),
  pressures_voter: pressure.map(pattern),
};

const TOLD = new RegExp(
  `${word(VOTER)}${gap(30)}${word(MUST)} (?:\\p{L}+ ){0,2}?(?:vote|choose|select|pick|rank|cast|mark|support|back|answer)(?= )`,
  'gu',
);
const FILLER =
  /^(?:["'“”‘’«»「」*:([{ ]|(?:for|the|only|option|choice|candidate|a|an|your|their|vote|ballot|first) )+/u;

const SIDE = new RegExp(`^(?:${FOR}|${AGAINST}|no|abstain)$`, 'u');

/** Whether somebody is told to vote for a choice of this proposal, by its label, and not for one of several. */
export function pressesFor(flat: string, labels: readonly string[]): boolean {
  // "You need to vote for a delegate": the sides are looked for above, with what must follow them.
  const known = labels.map((label) => label.trim()).filter((label) => label.length > 1 && !SIDE.test(label));
  return [...flat.matchAll(TOLD)].some((told) => {
    const after = flat.slice(told.index + told[0].length, told.index + told[0].length + 200).trimStart();
    const named = [after, after.replace(FILLER, '')];
    return known.some((label) =>
      named.some((words) => words.startsWith(label) && ALONE.test(words.slice(label.length, label.length + 12))),
    );
  });
}

/** The label has ended, and no other follows. */
const ALONE = /^(?![\p{L}\p{N}])(?!["'”’»*,)\]]{0,4} ?(?:or|and|nor) )/u;

const BALLOT_WORD =
  /(?<![\p{L}\p{N}])(?:answers?|vot(?:e|es|ed|ing|ar|er|o|os|ez|en|a)|ballots?|choos(?:e|es|ing)|choices?|select(?:s|ed|ion)?|picks?|options?|respuestas?|elegir|elige|opcion(?:es)?|reponses?|choix|choisi\p{L}*|antwort\p{L}*|stimm\p{L}*|wahl\p{L}*|respostas?|escolh\p{L}*|opcao|rispost\p{L}*|scelta|ответ\p{L}*|голос\p{L}*|проголос\p{L}*|выбор\p{L}*|выбер\p{L}*|вариант\p{L}*)(?![\p{L}\p{N}])|答案|投票|选择|選擇|选项|回答|選択|투표|선택|إجابة|صوت|اختر|تصويت/gu;
const NEARBY = 50;

/** Whether a text speaks of votes or answers and names a choice beside it. A fact has no need to: it is told which one it is about. */
export function namesAVote(text: string, labels: readonly string[]): boolean {
  const spoken = text.normalize('NFKC');
  const lower = fold(spoken);
  return [...lower.matchAll(BALLOT_WORD)].some(({ index, 0: { length } }) => {
    const around = (whole: string): string => whole.slice(Math.max(0, index - NEARBY), index + length + NEARBY);
    // A short label is a common word too, such as `for`: only as it is written.
    return labels.some((label) =>
      label.length <= SHORT ? hasWord(around(spoken), label) : hasWord(around(lower), fold(label.normalize('NFKC'))),
    );
  });
}

const SHORT = 3;

function hasWord(text: string, words: string): boolean {
  const at = words.trim() === '' ? -1 : text.indexOf(words.trim());
  if (at === -1) return false;
  const edge = `${text.charAt(at - 1)} ${text.charAt(at + words.trim().length)}`;
  return !/\p{Script=Latin}|\p{Script=Cyrillic}|\p{N}/u.test(edge);
}
