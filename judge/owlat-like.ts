/**
 * A rule like owlat's (Apache-2.0; warming.ts, deliverabilityPolicy.ts): one evaluation of the address a day. Bounces
 * over 3% or deferrals over 10% step back; blocks of at least 0.5% (20 messages) halt, which is a step back here as well;
 * it advances with bounces under 1% and deferrals under 5% at 80% use, while bounces are at most 2% (200 messages) and
 * complaints at most 0.1% (1,000). On the same plan as the others. Its breakers over 50 and 100 messages are left out:
 * any single complaint would trip them, for half an hour.
 */
import { DailyCounts } from './daily-counts.ts';
import type { AdvanceQuestion, Hour, Rule, Stop } from './rule.ts';

export class OwlatLike implements Rule {
  readonly #today = new DailyCounts();

  observe(hour: Hour): readonly Stop[] {
    this.#today.add(hour);
    if (hour.hour % 24 !== 23) return [];
    const lanes = Array.from(hour.sent, (_, lane) => lane);
    const metric = this.#breached();
    return metric === null ? [] : [{ scope: 'address', metric, lanes, steps: 1 }];
  }

  #breached(): string | null {
    const today = this.#today;
    if (bounces(today) > 0.03) return 'hard-bounce';
    if (today.rate('deferral') > 0.1) return 'deferral';
    return today.sent >= 20 && today.rate('block') >= 0.005 ? 'block' : null;
  }

  mayAdvance({ used }: AdvanceQuestion): boolean {
    const today = this.#today;
    if (used < 0.8 || bounces(today) >= 0.01 || today.rate('deferral') >= 0.05) return false;
    return today.sent < 1_000 || today.rate('complaint') <= 0.001;
  }

  retreated(): void {}

  clone(): OwlatLike {
    const copy = new OwlatLike();
    this.#today.copyTo(copy.#today);
    return copy;
  }
}

function bounces(today: DailyCounts): number {
  return today.rate('hard-bounce');
}
