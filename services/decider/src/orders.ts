/**
 * The words by which a text speaks to its reader instead of about its subject, in thirteen languages. Tried on folded text: lower
 * case, no accents (`disguise.ts`), on one line. Each gap is bounded, so that a long text costs no more than its length.
 *
 * They are written for what an order must say to be one, whoever is addressed and however it is dressed: who the reader is, whose
 * word counts, what to answer. `й` is written `и` and `ё` `е`, as folding leaves them.
 */

import { gap, pattern, word } from './patterns.ts';

/** Programs that read and vote. */
const READER_EN =
  'ais?|llms?|gpt|chat ?gpt|(?:large )?language models?|(?:ai|voting|governance|autonomous|automated|digital|intelligent|artificial|software|machine|delegated) (?:agents?|assistants?|systems?|voters?|bots?|readers?|reviewers?|evaluators?|models?)|chat ?bots?|bots?|artificial intelligences?';
const READER_LATIN =
  "ia|ki|modelos? de (?:lenguaje|linguagem)|modeles? de langage|sprachmodell\\p{L}*|modell[oi] linguistic[oi]|inteligencia artificial|intelligence artificielle|intelligenza artificiale|kunstliche\\p{L}* intelligenz|ki-\\p{L}+|abstimmungsagent\\p{L}*|(?:agentes?|asistentes?|assistentes?|agents?|assistants?|agent[ei]|assistent[ei]) (?:de|d'|di)? ?(?:votacion|voto|votacao|vote|ia|ki|autonom\\p{L}+|automat\\p{L}+|virtual\\p{L}*|virtuel\\p{L}*|virtuali?)|yapay zeka\\p{L}*|dil modeli\\p{L}*|kecerdasan buatan|model bahasa|tri tue nhan tao|mo hinh ngon ngu";
const READER_CYRILLIC =
  'ии|ии-\\p{L}+|языков\\p{L}+ модел\\p{L}+|неиросет\\p{L}+|искусственн\\p{L}+ интеллект\\p{L}*|ассистент\\p{L}*|(?:автономн|автоматическ|голосующ)\\p{L}+ (?:агент|систем|бот)\\p{L}*|бот|боты|штучн\\p{L}+ інтелект\\p{L}*';
const READER_SIGNS =
  '人工智能|人工智慧|语言模型|語言模型|大模型|智能体|智能代理|投票代理|机器人|機器人|ai助手|(?<![a-z])ai(?![a-z])|人工知能|言語モデル|エージェント|アシスタント|ボット|인공지능|언어 ?모델|에이전트|어시스턴트|एआई|कृत्रिम बुद्धि';
const READER_ARABIC =
  'الذكاء الاصطناعي|ذكاء اصطناعي|نموذج(?: ال)? ?لغوي|النموذج اللغوي|النماذج اللغوية|وكيل (?:التصويت|ذكي|آلي)|الوكيل (?:الذكي|الآلي)|المساعد (?:الذكي|الآلي)|روبوت';

const DO_LATIN =
  'deb(?:e|es|en|eis|era|eran)|tien(?:e|es|en) que|vot(?:a|e|en|ad|ez|em|ate)|elij(?:a|an|e)|elige|seleccion(?:a|e|en)|ignor(?:a|e|en|em|ez|ate|ier\\p{L}*)|respond(?:a|an|e|am|ez)|devez|doi(?:t|s|vent)|choisi\\p{L}+|dev(?:e|em|ono|i)|escolh(?:a|am|e)|scegli\\p{L}*|muss\\p{L}*|mussen|soll\\p{L}*|stimm(?:e|t|en)|wahl(?:e|en|t)|antwort\\p{L}*|zorunda\\p{L}*|oy ver\\p{L}*|harus|pilih\\p{L}*|phai|chon';
const DO_CYRILLIC =
  'долж\\p{L}+|обязан\\p{L}*|следует|надо|голосу\\p{L}+|проголосу\\p{L}+|выбер\\p{L}+|игнориру\\p{L}+|ответ\\p{L}+|повинн\\p{L}+';
const DO_SIGNS =
  '必须|必須|应当|應當|应该|應該|务必|請|请|投票给|投给|投下|选择|選擇|忽略|回答|べき|してください|しなければ|投票せよ|選択|無視|반드시|해야|하십시오|하세요|무시|चाहिए|करें';
const DO_ARABIC = 'يجب|صوت|صوتوا|اختر|تجاهل|عليك|ينبغي|أجب';

const ANSWER_EN =
  'vote|choose|select|answer|respond|reply|pick|rank|return|output|report|ignore|disregard|mark|assign|support|approve|reject|abstain';

const addresses = [
  // To it …
  `${word('if you are|if you re|you are|dear|attention|note (?:to|for)|notice (?:to|for)|hey|hello|memo (?:to|for)|instructions? (?:to|for)|message (?:to|for)|guidance (?:to|for)|addressed to|for (?:any|all|every|each|the)|(?:to|for) whichever')}[ ,:]{1,3}(?:an? |the |any |all |every |each |other )?${word(`${READER_EN}|assistants?|agents?|model`)}(?! ?(?:grants?|working|tools?|projects?|research|development|builders?|track|agents? (?:framework|platform|program)))${gap(60)}(?:[:,—-]|${word(`must|shall|should|please|need to|${ANSWER_EN}|reading|processing|evaluating|summari[sz]ing`)})`,
  // … and what it is to do.
  `${word(READER_EN)}${gap(40)}${word('must|shall|should|needs? to|have to|has to|are required to|is required to|are instructed to|is instructed to|are expected to|are directed to|are asked to|is asked to')}${gap(20)}${word(ANSWER_EN)}`,
  `${word(READER_LATIN)}${gap(60)}${word(DO_LATIN)}`,
  `${word(READER_CYRILLIC)}${gap(60)}${word(DO_CYRILLIC)}`,
  `(?:${READER_SIGNS})${gap(30)}(?:${DO_SIGNS})`,
  `(?:${READER_ARABIC})${gap(60)}(?:${DO_ARABIC})`,
  `${word('readers?|evaluators?|reviewers?|parsers?|processors?|summari[sz]ers?')}${gap(15)}${word('that (?:is|are) (?:not human|automated|machines?|software)|who (?:is|are) (?:not human|automated|machines?)')}`,
  `${word('as an? (?:ai|llm|language model|assistant|automated|autonomous|intelligent|impartial|helpful)')}${gap(60)}${word(`you|your|${ANSWER_EN}`)}`,
];

const overrides = [
  `${word('ignore|disregard|forget|override|overrule|set aside|discard|drop|bypass|pay no attention to|supersedes?|replaces?|overrides?|takes? precedence over|prevails? over|cancels?|voids?')}${gap(40)}${word('(?:previous|prior|earlier|above|preceding|existing|original|former|other|all|any|your|given|initial) (?:\\p{L}+ )?(?:instructions?|prompts?|rules|guidelines|guidance|directions|orders|preferences|directives|context)|system prompts?|guidelines you|owner.?s? (?:preferences|instructions?|strategy|wishes|policy)|instructions? (?:above|given|you)|what you (?:were|have been) told|instructions?(?! for| to (?:install|set|participat|stak|claim|migrat))')}`,
  word(
    '(?:new|updated|real|true|actual|revised|corrected|latest) (?:system )?(?:instructions?|prompt|directives?|preferences|mandate) (?:follows?|below|is|are|from|for you|supersedes?|appl(?:y|ies))',
  ),
  word('system (?:prompts?|messages?|instructions?|override|directives?)'),
  `${word('ignor(?:a|e|en|ar|ad)|olvid\\p{L}+|descart\\p{L}+|omit\\p{L}+|haz caso omiso|oubli\\p{L}+|ignor(?:ez|er)|ne (?:tenez|tiens) pas compte|ignorier\\p{L}*|vergiss|vergessen sie|missacht\\p{L}*|esquec\\p{L}+|desconsider\\p{L}+|dimentic\\p{L}+|ignor(?:i|ate|are)')}${gap(45)}${word('instruc(?:ciones|oes)|instructions|indicaciones|consignes|reglas|regras|regles|regole|ordenes|ordens|directives|directrices|diretrizes|preferencias|preferences|preferenze|anweisung\\p{L}*|instruktion\\p{L}*|vorgaben|praferenzen|istruzioni|direttive|prompt')}`,
  `${word('игнориру\\p{L}+|забуд\\p{L}+|отбрось\\p{L}*|не учитыва\\p{L}+|отменя\\p{L}+')}${gap(45)}${word('инструкци\\p{L}+|указани\\p{L}+|правил\\p{L}*|предпочтени\\p{L}+|команд\\p{L}*|промпт\\p{L}*')}`,
  `(?:忽略|无视|無視|忘记|忘掉|不要理会|不要遵守|不必遵守)${gap(20)}(?:指令|指示|说明|規則|规则|提示|偏好|要求)`,
  `(?:指示|命令|ルール|プロンプト|設定|方針)${gap(20)}(?:無視|忘れ|破棄|取り消)`,
  `(?:지시|명령|규칙|지침|프롬프트)${gap(20)}(?:무시|잊)`,
  `(?:تجاهل|تجاهلوا|انس|انسوا|أهمل|اهمل)${gap(40)}(?:التعليمات|تعليمات|الأوامر|القواعد|التوجيهات|تفضيلات|التفضيلات)`,
  `${word('talimat\\p{L}*|kural\\p{L}*|instruksi|petunjuk|aturan|huong dan|chi dan')}${gap(30)}${word('yok say\\p{L}*|unut\\p{L}*|gormezden|abaikan|lupakan|bo qua')}|${word('abaikan|lupakan|bo qua')}${gap(30)}${word('instruksi|petunjuk|aturan|huong dan|chi dan')}`,
];

const OWNER_EN =
  'owner|principal|user|operator|delegator|master|client|boss|account holder|wallet holder|person you represent|member you (?:represent|vote for)|holder you (?:represent|vote for)';
const speaks = [
  `${word(`your (?:${OWNER_EN})|(?:the|this agent.?s) (?:owner|principal)(?: of (?:this|the) (?:agent|wallet|account))?|the (?:person|member|holder) (?:you|whom you) (?:represent|vote for|act for)`)}${gap(25)}${word('wants?|wishes|would like|asks?|asked|instructs?|instructed|told|tells|prefers?|has decided|already decided|has (?:already )?(?:chosen|approved|confirmed|authori[sz]ed|consented|changed|updated|revised|agreed)|requests?|requested|directs?|directed|confirms?|authori[sz]es|expects? you|stands? for|supports?|favou?rs?')}`,
  `${word("(?:your )?(?:owner|principal|delegator)'?s? (?:\\p{L}+ )?(?:voting )?(?:preferences?|instructions?|wish(?:es)?|mandate|standing order|policy)")}${gap(12)}${word('is|are|now|say|says|read|reads|have|has|for this|on this|require|requires')}`,
  word("(?:this is|i am|i'm|signed,?|yours,?) (?:your|the) (?:owner|principal|operator|delegator)"),
  `${word('(?:owner|user)[ _](?:preferences?|instructions?|profile|config)')} ?[:=]`,
  `${word('(?:tu|su|vuestro) (?:dueno|propietario|titular|mandante|usuario|delegante)|(?:votre|ton) (?:proprietaire|mandant|titulaire|utilisateur|delegant)|(?:dein|deine|ihr|ihre) (?:besitzer|eigentumer|auftraggeber|inhaber|nutzer)\\p{L}*|(?:seu|teu) (?:dono|proprietario|titular|mandante|usuario)|(?:il )?tuo (?:proprietario|mandante|titolare|utente)|sahibin\\p{L}*|pemilik anda|chu so huu cua ban')}${gap(30)}${word('quiere|desea|prefiere|pide|pidio|ha \\p{L}+|instruy\\p{L}+|orden\\p{L}+|veut|souhaite|prefere|demande|a (?:demande|decide|choisi|confirme|ordonne)|will|mochte|wunscht|verlangt|hat \\p{L}+|bevorzugt|quer|deseja|prefere|pediu|ordenou|decidiu|vuole|desidera|preferisce|chiede|istiyor\\p{L}*|ingin|meminta|muon')}`,
  `${word('(?:тво\\p{L}+|ваш\\p{L}*) (?:владелец|владельца|хозяин|доверител\\p{L}+|пользовател\\p{L}+)')}${gap(30)}${word('хочет|желает|проси\\p{L}+|реши\\p{L}+|указ\\p{L}+|велел\\p{L}*|предпочита\\p{L}+|поручил\\p{L}*')}`,
  `(?:你的|您的|你们的)(?:主人|所有者|委托人|委託人|用户|持有人)${gap(20)}(?:希望|要求|想|决定|指示|已经|同意|授权|支持)`,
  `(?:あなたの|貴方の)(?:所有者|オーナー|委任者|依頼主|利用者)(?:は|が|の)|(?:당신의|귀하의) ?(?:소유자|주인|위임자|사용자)`,
  `(?:مالكك|صاحبك|موكلك|المستخدم الذي تمثله)${gap(30)}(?:يريد|يرغب|طلب|قرر|يفضل|أمر|وافق)`,
];

const secrets = [
  `${word('repeat|print|reveal|quote|include|copy|recite|disclose|output|show|paste|write out|write down|restate|summari[sz]e|list|append|echo|transcribe|state')}${gap(40)}${word("(?:your|the|all|any|its)(?: \\p{L}+)? (?:system prompt|prompt|hidden instructions|private instructions|initial instructions|owner'?s? (?:own )?(?:instructions|preferences|words)|instructions (?:you|that you|of your)|instructions of the owner|instructions given to you|instructions above)|your (?:\\p{L}+ )?(?:instructions|preferences|rules|guidelines|directives|configuration)|owner'?s (?:\\p{L}+ )?(?:instructions|preferences|words)|secret (?:mark|token|word|code)")}`,
  `${word('repit\\p{L}+|revel\\p{L}+|copi\\p{L}+|cit(?:a|e|ez|er)|repet\\p{L}+|reproduis\\p{L}*|wiederhol\\p{L}+|zitier\\p{L}*|ripet\\p{L}+')}${gap(40)}${word('tus instrucciones|sus instrucciones|vos instructions|tes instructions|(?:deine|ihre) (?:anweisungen|instruktionen)|suas instrucoes|tue istruzioni|instrucciones del (?:dueno|propietario)|instructions du proprietaire')}`,
  `(?:повтори|раскро|процитиру|перескаж)\\p{L}*${gap(30)}(?:инструкци|указани|промпт)`,
  `(?:重复|复述|引用|透露|列出|繰り返|引用し)${gap(20)}(?:你的指令|您的指令|系统提示|所有者的|あなたの指示|指示を)|(?:كرر|اكشف|اذكر)${gap(30)}تعليمات`,
];

const role = [
  word(
    'you are now (?:an?|the|in|acting|operating|playing|running)|from now on,? you|pretend (?:to be|that you|you are)|act as (?:an?|the) (?:\\p{L}+ )?(?:agent|assistant|voter|delegate|bot|ai|model|oracle|judge)|imagine (?:that )?you are (?:an?|the)|let.?s play a game|your (?:new|only|sole|real|true|actual|updated) (?:role|task|job|goal|objective|purpose|duty|mission) is',
  ),
  word(
    'ahora eres|a partir de ahora|actua como|finge que|desormais,? (?:tu|vous)|agis(?:sez)? comme|tu es maintenant|vous etes maintenant|ab (?:jetzt|sofort) bist du|du bist (?:jetzt|nun)|tu agora e|voce agora e|aja como|finja que|теперь ты|отныне ты|представь,? что ты',
  ),
  '(?:你现在是|从现在起你|从现在开始,?你|假装你|扮演|あなたは今から|今からあなた|のふりをし|당신은 이제|أنت الآن|تظاهر بأنك)',
];

const review = [
  `${word("do not|don'?t|never|no need to|without|refrain from|rather than|instead of")} ${gap(12)}${word('hold|holding|escalat\\p{L}+|defer\\p{L}*|second-guess\\p{L}*|hesitat\\p{L}+|ask\\p{L}*|consult\\p{L}*|flag\\p{L}*|wait\\p{L}*|overthink\\p{L}*|analy[sz]\\p{L}+|deliberat\\p{L}+')}${gap(25)}${word('your (?:owner|principal|user|operator)|the (?:owner|human|principal)|a human|human review|this (?:vote|decision|proposal|ballot)|your (?:vote|ballot|answer|decision)')}`,
  `${word('(?:set|report|return|output|give|state|use|express|with|keep|answer with)')}${gap(20)}${word('confidence|risk[_ ]level|risk as|risk to')}${gap(12)}(?:\\d|${word('low|high|max\\p{L}*|full|hundred|zero')})`,
];

const persuades = [
  word(
    '(?:the )?(?:only|single) (?:correct|valid|right|acceptable|legitimate|lawful|compliant) (?:answer|choice|option|vote|ballot|response)',
  ),
  word(
    '(?:correct|right|expected|required|mandatory|approved|prescribed) (?:answer|ballot|response|vote|choice) (?:is|to this|here|must)',
  ),
  word('(?:select|choose|pick|mark) (?:this|only this) (?:one|option|choice|answer)'),
  `(?:唯一|正确|正確)(?:有效|合法)?的?(?:答案|选项|選項|选择)|唯一の?(?:正しい|有効な)|${word('unica (?:respuesta|opcion|resposta|opcao|risposta) (?:correcta|valida|correta|corretta)|seule reponse (?:correcte|valable|valide)|einzig (?:richtige|gultige) (?:antwort|wahl|option)|единственн\\p{L}+ (?:правильн|верн|допустим)\\p{L}+ (?:ответ|вариант|выбор)')}|الإجابة (?:الصحيحة|الوحيدة)`,
];

/** By what a text does to its reader, in prose. */
export const ORDERS: Readonly<Record<string, readonly RegExp[]>> = {
  addresses_ai: addresses.map(pattern),
  overrides_instructions: overrides.map(pattern),
  speaks_for_owner: speaks.map(pattern),
  fishes_for_prompt: secrets.map(pattern),
  assigns_role: role.map(pattern),
  bypasses_review: review.map(pattern),
  prescribes_answer: persuades.map(pattern),
};
