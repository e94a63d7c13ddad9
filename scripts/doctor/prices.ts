/** Whether each model that may be asked has a price: one without is not asked, and its proposals are skipped. */
import { dollars, microsOf } from '@quorum/shared/budget';
import { broken, fine, unchecked, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

export function checkPrices({ decider }: Pick<Patient, 'decider'>): Finding {
  if (decider === null) return unchecked('prices', 'its settings are wrong');
  const prices = decider.MODEL_PRICES ?? {};
  const models = new Set([...decider.DECIDER_MODELS, ...decider.DECIDER_FALLBACK_MODELS]);
  const missing = [...models].filter((name) => !Object.hasOwn(prices, name));
  const [first] = missing;
  if (first !== undefined) {
    const says = `no price is known for ${missing.join(', ')}: every proposal is skipped, since what it costs has no bound`;
    const remedy = `Add it to MODEL_PRICES, in US dollars per million tokens in and out: MODEL_PRICES=${first}=2/8`;
    return broken('prices', says, remedy);
  }
  const perDay = dollars(microsOf(decider.BUDGET_USD_PER_DAY));
  return fine('prices', `every model has a price, and a day costs ${perDay} at most`);
}
