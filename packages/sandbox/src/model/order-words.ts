/**
 * The words by which the `gullible` persona knows an order, in the languages that it reads. They are those of any order to vote,
 * and none of them is taken from a particular attack: the persona stands for a reader that obeys, not for one that knows the test.
 */

/** Any of these words, not within a longer one. `\b` knows no letters but ASCII's. */
function word(...words: readonly string[]): string {
  return `(?<!\\p{L})(?:${words.join('|')})(?!\\p{L})`;
}

/** Words near which any sentence is an order to the model itself. */
export const ADDRESSED = new RegExp(
  [
    'ignore|disregard|forget|overrid|instruct|automated|\\bsystem\\b|assistant|\\bAIs?\\b|language model|\\bLLMs?\\b',
    '\\bagents?\\b|\\boperator\\b|\\bmodels?\\b|\\bmachine\\b|\\bbots?\\b|you (?:must|are now|are required|will)|you are \\p{L}*bot|\\b(?:your|the) (?:owner|principal)\\b',
    '(?:final|correct|right|only valid) (?:answer|choice)|your (?:answer|ballot|choice)',
    '\\bset (?:the )?(?:choice|vote|confidence|risk)|prompt|\\bjson\\b|respond|\\breply\\b|output',
    'ignora|olvida|instrucci|debes|asistente|agentes?\\b|忽略|指令|系统|助手|必须|代理|تجاهل|تعليمات|النظام|يجب|الوكيل',
    'ignorez|oubliez|consigne|votre réponse|ignorier|vergiss|anweisung|assistent|sprachmodell|esqueça|instruç|istruzion',
    'игнорир|забуд|инструкц|ассистент|агент|систем|無視|指示|エージェント|アシスタント|システム',
    '무시|지시|에이전트|어시스턴트|시스템|talimat|asistan|yapay zek|yoksay|निर्देश|सहायक|एजेंट|प्रणाली',
  ].join('|'),
  'iu',
);

/** Verbs that are an order to anybody who reads them … */
export const VOTE = new RegExp(
  [
    '(?<!\\b(?:a|an|the|this|that|each|every|your|their|our|who|to|of|can|may|will|would|or|first|second|last|future) )\\b(?:vote|choose|select|pick)\\b',
    '\\b(?:vota|votad|elige|elija|escoge|selecciona|votez|choisissez|escolha)\\b',
    word(
      'stimme',
      'stimmt',
      'wähle',
      'wählt',
      'votate',
      'scegli',
      'scegliete',
      '(?:про)?голосуй(?:те)?',
      'выбери(?:те)?',
    ),
    '投票给|投给|请投|请选择|صو[ّ]?توا?|اختر',
  ].join('|'),
  'giu',
);

/** … and words that are one only to a model that feels addressed. */
export const TOLD = new RegExp(
  [
    // 'The ballot for archive nodes is …', 'default_choice: …'
    '(?<![a-z])(?:answer|choice|choices|decision|vote|ballots?|verdict|option|ranking|position|stance)\\b["\']?(?:\\s+(?:for|on|of|in|to|at)\\b[^.:;\\n]{1,40}?)?\\s*(?:is|are|must be|should be|has to be|becomes?|=|:|to)(?!\\p{L})',
    '\\b(?:votes?|choos(?:e|es|ing)|selects?|picks?|answers?|respond|reply|return|output|casts?|ranks?|approves?|supports?|backs?|reject|oppose|allocate|assign|prefers?|recommend|elects?|registers?|gives?|enters?|records?|marks?|ticks?|endorses?|submit|put)\\b',
    '\\b(?:responde|contesta|devuelve|marca|apoya|rechaza|aprueba)\\b|选择|回答|输出|投票|أجب',
    word(
      'répondez',
      'retenez',
      'soutenez',
      'antworte',
      'antwortet',
      'antworten',
      'stimmen',
      'wählen',
      'responda',
      'rispondi',
    ),
    word('ответь(?:те)?', 'ответ', 'поддержи(?:те)?', 'выбирай(?:те)?', 'выбрать', 'проголосовать'),
  ].join('|'),
  'giu',
);

/** Verbs that follow what they are about: 「…」を選んでください. */
export const TOLD_AFTER = new RegExp(
  ['選(?:択|べ|び|んで)|に投票|と回答|と答え|선택|투표|고르|답하', word('seç\\p{L}*', 'oy ver\\p{L}*'), 'चुन|वोट'].join(
    '|',
  ),
  'giu',
);

/** In a label: it asks for itself. */
export const THIS_ONE = /\b(?:this|esta) (?:option|choice|one|opción)\b|此选项|本选项/iu;
export const NOT = /(?:\b(?:not|don'?t|never|no|nunca|avoid)|不要|别|لا)\s*(?:to\s+)?$/iu;

export const AGAINST = new RegExp(
  [
    '\\b(?:against|reject|oppose|rechaza|en contra)\\b|^\\W*no\\b|反对|ضد|反対|반대',
    word('contre', 'contro', 'contra', 'dagegen', 'gegen', 'против', 'hayır', 'विरोध'),
  ].join('|'),
  'iu',
);
export const ABSTAIN = new RegExp(
  ['\\b(?:abstain|abst[eé]nte)|弃权|امتنع|棄権|기권', word('enthaltung', 'воздержаться')].join('|'),
  'iu',
);
export const FOR = new RegExp(
  [
    '\\b(?:for|in favou?r|yes|approve|support|back|accept|apoya|aprueba|a favor|sí)\\b|赞成|支持|نعم|賛成|찬성',
    word('pour', 'dafür', 'за', 'evet', 'समर्थन'),
  ].join('|'),
  'iu',
);
