/**
 * Step 5: how much hangs on the proposal, read from it in code. The model can raise this, never lower it. A word too many costs a
 * little agreement, a word too few an unnoticed transfer: so the lists are long, and in thirteen languages.
 */
import type { Proposal } from '@quorum/snapshot/proposal';
import type { Stakes } from '@quorum/shared/decision';
import { likeness } from '@quorum/shared/likeness';
import type { Cleaned } from './clean.ts';

/** Why the stakes are high. */
export type StakesGround =
  | 'executable'
  | 'value'
  | 'roles'
  | 'constitution'
  | 'cut'
  | 'power_decides'
  | 'takes_power_back';

export type StakesFound = { readonly stakes: Stakes; readonly grounds: readonly StakesGround[] };

type StakesProposal = Pick<
  Proposal,
  'title' | 'body' | 'plugins' | 'choices' | 'quorum' | 'scores' | 'scores_total' | 'votes' | 'privacy'
>;

/** Plugins that run transactions when a proposal passes. */
const EXECUTING = new Set(['safesnap', 'osnap']);

/** Beginnings of words, tried on folded text: lower case, no accents (`disguise.ts`). `=` ends a word that must be whole. */
const begins = (words: string): RegExp =>
  new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.trim().split(/\s+/).map(asWord).join('|')})`, 'u');
const asWord = (word: string): string =>
  word.endsWith('=') ? `${word.slice(0, -1).replaceAll('_', '[ -]')}(?![\\p{L}\\p{N}])` : word.replaceAll('_', '[ -]?');

const VALUE = [
  begins(`
    transfer disburs reimburs mint airdrop buy_?back swap spend grant= grants= granted fund compensat salar payment payout budget treasur donat
    loan invest endow liquidity reward incentiv stipend bount bonus retainer refund subsid pay= pays= paid= collateral borrow lend auction burn
    tesorer presupuest subvenc financ pago= pagos= pagar fondos= recompens salari donaci donaco inversi emitir acunar quemar reembols
    tresor budget subvention financement paiement payer verser versement fonds= remuner recompense brul investiss rembours
    schatzkammer treasury haushalt forder finanzier zahlung auszahl uberweis gehalt gelder verguten vergutung spende belohn darlehen investition kredit
    tesour orcamento subsidio pagamento fundos= recompensa doacao investimento emprestimo
    tesorer bilancio sovvenzion pagament fondi= ricompens prestit
    казн бюджет грант финансир выплат платеж перевод оплат средств награ вознагражд займ заем инвест эмисс сжиган
    hazine butce odeme hibe fon= perbendaharaan anggaran dana= pembayaran hibah ngan_sach quy= tai_tro thanh_toan
    बजट कोष भुगतान अनुदान`),
  /国库|國庫|资金|資金|预算|預算|拨款|撥款|转账|轉賬|支付|付款|资助|資助|奖励|獎勵|增发|铸造|销毁|回购|空投|贷款|投资|稿酬|薪酬|報酬|予算|助成|支払|送金|財庫|報奨|発行|貸付|재무|예산|자금|보조금|지급|보상|발행|이체/u,
  /الخزينة|خزينة|الميزانية|ميزانية|تمويل|منحة|منح |دفع|تحويل|مكافأ|أموال|قرض|استثمار|راتب|حصة/u,
  /(?:[$€£¥₽]\s?\d|\d[\d.,]{0,30}\s?(?:k|m|mn|million\p{L}*|thousand|mil|tausend|тыс|млн|万|億)?\.?\s?(?:usd[cts]?|dai|w?eth|w?btc|eur\p{L}*|dollars?|dolares|tokens?|doll?ar\p{L}*|euros?|рубл\p{L}+|美元|代币|ドル|トークン|دولار)(?![\p{L}\p{N}]))/u,
];
const ROLES = [
  begins(`
    multi_?sig signer admin owner_?ship guardian council committee steward delegat elect= elects= elected election appoint nominat permission role= roles= upgrad timelock
    whitelist allowlist custod oracle= key_?holder trustee ambassador= moderator resign recall
    firmante consejo comite elegir eleccion designa nombra nombramiento permiso cargo= cargos= actualizar_el_contrato custodi guardian
    signataire conseil comite elire election nommer nomination permission mandat= gardien depositaire mise_a_niveau
    unterzeichner rat= ausschuss komitee wahl= wahlen= ernenn benenn berechtigung verwahr treuhand vorstand rolle
    signatario conselho comissao eleger eleicao nomear nomeacao permiss guardiao custodia
    firmatari consiglio comitato eleggere elezion nomina permess
    мультисиг подписант совет комитет выбор избра назнач полномоч роль= роли= хранител опекун администратор
    konsey komite secim atama yetki dewan komite= pemilihan wewenang hoi_dong bau_cu quyen_han
    परिषद समिति चुनाव`),
  /多签|多簽|签名者|管理员|管理員|委员|委員|理事|选举|選舉|任命|权限|權限|升级|升級|时间锁|托管|守护者|評議|選挙|署名者|権限|管理者|昇格|다중서명|위원|선출|선거|임명|권한|관리자|업그레이드/u,
  /مجلس|لجنة|انتخاب|تعيين|صلاحي|مشرف|وصي|توقيع متعدد|الموقعين|ترقية|أمين/u,
];
const CONSTITUTION = [
  begins(`
    constitution charter by_?law amend quorum voting_period voting_delay voting_threshold voting_system voting_power vote_weight governance_process governance_framework governance_rule
    governance_model proposal_threshold dissol supermajority veto parameter_change
    constitucion estatuto enmienda umbral periodo_de_votacion poder_de_voto reglas_de_gobernanza disol
    statuts= reglement amendement seuil periode_de_vote pouvoir_de_vote regles_de_gouvernance dissou
    verfassung satzung statut anderung_der quorum schwelle abstimmungsdauer stimmrecht stimmgewicht auflosung
    constituicao estatuto emenda limiar periodo_de_votacao poder_de_voto dissolu
    costituzione statuto emendament soglia
    конституци устав поправ кворум порог период_голосования прав_голоса роспуск вето
    anayasa tuzuk yeter_sayi konstitusi anggaran_dasar kuorum hien_phap dieu_le
    संविधान`),
  /宪章|憲章|章程|宪法|憲法|修正案|法定人数|法定人數|门槛|門檻|投票期|投票权|投票權|否决|解散|定款|規約|定足数|投票期間|投票権|拒否権|헌장|헌법|정관|정족수|투표 ?기간|투표권|거부권|해산/u,
  /دستور|ميثاق|النصاب|نصاب|تعديل|عتبة|فترة التصويت|قوة التصويت|حل المنظمة/u,
];

/** What is known of the vote besides the proposal. `votingPower`: the owner's; null where there is no voter. */
export type StakesOfVote = { readonly votingPower: number | null; readonly takesPowerBack: boolean };

/** The stakes of a proposal, with every ground. */
export function findStakes(
  proposal: StakesProposal,
  cleaned: Pick<Cleaned, 'title' | 'fullBody' | 'cut'>,
  { votingPower, takesPowerBack }: StakesOfVote,
): StakesFound {
  // Each by itself: the end of one label and the beginning of the next say nothing together, and their order must not matter.
  const written = [proposal.title, proposal.body].flatMap(anyhowShown);
  const texts = [...new Set([cleaned.title, cleaned.fullBody, ...written, ...proposal.choices])].map(likeness);
  const says = (patterns: readonly RegExp[]): boolean =>
    patterns.some((pattern) => texts.some((text) => pattern.test(text)));
  const found: Record<StakesGround, boolean> = {
    executable: isExecutable(proposal.plugins),
    value: says(VALUE),
    roles: says(ROLES),
    constitution: says(CONSTITUTION),
    cut: cleaned.cut > 0,
    power_decides: powerDecides(proposal, votingPower),
    takes_power_back: takesPowerBack,
  };
  const grounds = GROUNDS.filter((ground) => found[ground]);
  return { stakes: grounds.length > 0 ? 'high' : 'low', grounds };
}

/** What a page may show of a text that the model does not read: all of it as it is written, or all but its marks. */
function anyhowShown(text: string): readonly string[] {
  const asWritten = text.trim();
  return asWritten.includes('<') ? [asWritten, asWritten.replaceAll(MARKS, '').replaceAll(/\s+/g, ' ')] : [asWritten];
}

/** Tags, and the beginnings and ends of comments: without what is between them. */
const MARKS = /<!--|-->|<\/?[a-z][^<>]{0,20000}>/gi;

const GROUNDS = ['executable', 'value', 'roles', 'constitution', 'cut', 'power_decides', 'takes_power_back'] as const;

/** Whether the proposal carries something that is executed when it passes. A plugin with nothing in it is none. */
export function isExecutable(plugins: Proposal['plugins']): boolean {
  return Object.entries(plugins).some(([name, content]) => EXECUTING.has(name.toLowerCase()) && hasContent(content));
}

function hasContent(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === '') return false;
  if (typeof value === 'object') return Object.values(value).some(hasContent);
  return true;
}

/** A twentieth of the quorum is a voice that can bring it about. */
const QUORUM_SHARE = 0.05;

/**
 * Whether the owner's vote could turn the result: a twentieth of a quorum, or, once anybody has voted, at least what lies between
 * the first two. Scores that are not told, as with a secret vote under way, could be that close.
 */
function powerDecides(
  proposal: Pick<Proposal, 'quorum' | 'scores' | 'scores_total' | 'votes' | 'privacy'>,
  votingPower: number | null,
): boolean {
  if (votingPower === null || votingPower <= 0) return false;
  if (proposal.quorum > 0 && votingPower >= QUORUM_SHARE * proposal.quorum) return true;
  if (proposal.votes === 0 && proposal.scores_total === 0) return false;
  const [first = 0, second = 0] = proposal.scores.toSorted((a, b) => b - a);
  return votingPower >= first - second;
}
