/** How long a provider keeps a sender waiting for each answer. Pure; provider-server.ts does the waiting. */
import type { Standing } from './reputation.ts';
import type { ProviderSpec } from './scenario-provider.ts';

export interface TarpitQuestion {
  readonly settings: ProviderSpec['tarpit'];
  /** Tarpits of the schedule that are on now. */
  readonly events: readonly { readonly delayMs: number }[];
  readonly standing: Standing;
  /** Answers 5xx on this connection so far. */
  readonly errors: number;
}

/** Real ms, 0 for at once; the longest that applies. */
export function tarpitDelay({ settings, events, standing, errors }: TarpitQuestion): number {
  const applies = settings && (settings.when === 'always' || standing !== 'good' || errors >= settings.errors);
  return Math.max(0, applies ? settings.delayMs : 0, ...events.map((event) => event.delayMs));
}
