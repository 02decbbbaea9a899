/** What a plan ends at: the targets and shares people give, checked once. */
import { PROVIDERS } from '../providers.ts';
import { PlanError, type PlanInput } from './model.ts';

/** Keys a row, target or share may have: every provider, `other`, and `default`. */
export const ROW_KEYS: readonly string[] = ['default', ...PROVIDERS.map(({ key }) => key), 'other'];

/** The figure for a provider, or the default one; undefined where there is neither. */
export function figureFor(figures: Readonly<Record<string, number>> | undefined, provider: string): number | undefined {
  if (figures === undefined) return undefined;
  return Object.hasOwn(figures, provider) ? figures[provider] : figures.default;
}

/** Throws PlanError `bad-input` for targets or shares that can not be used. */
export function checkFigures({ targets, shares }: PlanInput): void {
  if (targets !== undefined) checkTargets(targets);
  for (const [provider, share] of Object.entries(shares ?? {})) {
    if (!(share > 0 && share <= 1)) {
      throw new PlanError('bad-input', `the share of ${provider} is ${share}: give a share above 0 and at most 1`);
    }
  }
  const named = Object.entries(shares ?? {}).filter(([provider]) => provider !== 'default');
  const sum = named.reduce((total, [, share]) => total + share, 0);
  // Rounded: 0.7 + 0.2 + 0.1 is a little more than 1 to a computer.
  if (Math.round(sum * 1e6) > 1e6) {
    const names = named.map(([provider]) => provider).join(', ');
    throw new PlanError(
      'bad-input',
      `the shares of ${names} come to ${Number(sum.toFixed(6))}: give parts of an address's mail, together at most 1`,
    );
  }
  if (shares !== undefined && !Object.hasOwn(shares, 'default')) {
    throw new PlanError('bad-input', 'name a share for "default": that of each provider without one of its own');
  }
}

/** Throws PlanError `bad-input` unless there is a default target and every target is a number of messages. */
export function checkTargets(targets: Readonly<Record<string, number>>): number {
  const fallback = Object.hasOwn(targets, 'default') ? targets.default : undefined;
  if (fallback === undefined) throw new PlanError('bad-input', 'name a target for "default", in messages a day');
  for (const [provider, target] of Object.entries(targets)) {
    if (!(target >= 0 && Number.isFinite(target))) {
      throw new PlanError('bad-input', `the target of ${provider} is ${target}: give messages a day`);
    }
  }
  return fallback;
}
