/**
 * What needs no statistics: rates of an hour far beyond harm, or providers that stop the new arm. Looked at every few seconds
 * in every phase in which mail takes the new arm, also while somebody is asked to approve; of an upstream, what the events
 * of its engine tell. Pure.
 */
import { LEVELS } from '../gates/levels.ts';
import { wilson } from '../gates/wilson.ts';

export interface HourSum {
  readonly provider: string;
  readonly attempts: number;
  readonly hard: number;
  readonly blocked: number;
}

const LEAST_EVENTS = 10;
/** Times the harmful rate that the whole interval of an hour must be over. */
const FAR = 2;
const PROVIDERS = 2;

/** Why all mail is to take the old arm again now; null: nothing does. `stopped`: providers that stopped its lanes. */
export function emergency(
  hour: readonly HourSum[],
  stopped: readonly string[],
): { readonly metric: 'block' | 'hard-bounce'; readonly says: string } | null {
  if (stopped.length >= PROVIDERS)
    return { metric: 'block', says: `lanes of the new arm are stopped at ${stopped.join(', ')}` };
  for (const { provider, attempts, hard, blocked } of hour) {
    for (const [metric, events] of [
      ['block', blocked],
      ['hard-bounce', hard],
    ] as const) {
      if (events < LEAST_EVENTS || wilson(events, attempts)[0] <= FAR * LEVELS[metric].harmful) continue;
      return { metric, says: `${metric} ${events} of ${attempts} at ${provider} within an hour on the new arm` };
    }
  }
  return null;
}
