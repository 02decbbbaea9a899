/**
 * Can a plan be filled? Walks a row with the mail a lane could get a day, and says where it would wait for more. Gates are
 * taken to pass: this is about volume alone.
 */
import { volumeMissing } from '../advance.ts';
import { DEFAULTS } from '../defaults.ts';
import { type Plan, rowOf } from './model.ts';

/** Days after which nobody waits any more. */
const TEN_YEARS = 3_650;

export interface Forecast {
  readonly provider: string;
  readonly stages: number;
  /** Windows the row takes with this mail; null: it never ends. */
  readonly days: number | null;
  /** Best day, messages. */
  readonly best: number;
  /**
   * The first stage that the best day can not fill by 80%: from 1, its ceiling, and the share of it the best day reaches.
   * A plan that advances by date or send days goes on there all the same, with ceilings that mean nothing.
   */
  readonly short: { readonly stage: number; readonly ceiling: number; readonly share: number } | null;
  /** Stage (from 1) it waits at for ever, or null. */
  readonly waits: number | null;
}

/** `volumes`: messages a window the lane could get, oldest first; they are taken to come again in the same order. */
export function forecast(plan: Plan, provider: string, volumes: readonly number[]): Forecast {
  const row = rowOf(plan, provider);
  const best = Math.max(0, ...volumes);
  const shortAt = row.findIndex(({ ceiling }) => best < DEFAULTS.minUtilisation * ceiling);
  const ceiling = row[shortAt]?.ceiling;
  const short = ceiling === undefined ? null : { stage: shortAt + 1, ceiling, share: best / ceiling };
  const walk = walked(plan, provider, volumes);
  return { provider, stages: row.length, best, short, ...walk };
}

function walked(plan: Plan, provider: string, volumes: readonly number[]): Pick<Forecast, 'days' | 'waits'> {
  const mail = volumes.length === 0 ? [0] : volumes;
  let days = 0;
  for (const [stage, { ceiling }] of rowOf(plan, provider).entries()) {
    let stageSent = 0;
    let passed = false;
    // One round of the days there are shows all that can happen, but for a stage that adds its volume up over many.
    const most = plan.advance === 'volume-stage' ? TEN_YEARS : mail.length;
    for (let tried = 0; tried < most && days < TEN_YEARS && !passed; tried++) {
      const sent = Math.min(ceiling, mail[days % mail.length] ?? 0);
      days += 1;
      stageSent += sent;
      passed = volumeMissing(plan, ceiling, { sent, expected: ceiling, stageSent }) === null;
    }
    if (!passed) return { days: null, waits: stage + 1 };
  }
  return { days, waits: null };
}
