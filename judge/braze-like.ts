/**
 * A rule like Braze's automated warming (public user guide, "Automated IP warming", beta): once a day over the whole
 * address; delivery at most 90%, bounces over 5% or spam reports over 0.1% hold the next day's volume. Nothing ever
 * stops. Its open-rate condition is left out, the model has no opens.
 */
import { DailyCounts } from './daily-counts.ts';
import type { AdvanceQuestion, Hour, Rule, Stop } from './rule.ts';

export class BrazeLike implements Rule {
  /** Days on which it held. */
  holds = 0;
  readonly #today = new DailyCounts();

  observe(hour: Hour): readonly Stop[] {
    this.#today.add(hour);
    return [];
  }

  mayAdvance({ lane }: AdvanceQuestion): boolean {
    const bounced = this.#today.rate('hard-bounce') + this.#today.rate('delivery') + this.#today.rate('block');
    const good = 1 - bounced > 0.9 && bounced <= 0.05 && this.#today.rate('complaint') <= 0.001;
    if (!good && lane === 0) this.holds++;
    return good;
  }

  retreated(): void {}

  clone(): BrazeLike {
    const copy = new BrazeLike();
    copy.holds = this.holds;
    this.#today.copyTo(copy.#today);
    return copy;
  }
}
