/**
 * `cold-virtual-mta` with `max-cold-virtual-mta-msg 50/d,100/d,…` is a curve: element i is the limit of day i, the last
 * one goes on, per domain and for each cold virtual MTA. It becomes a plan of the same figures. PowerMTA follows it by
 * date, whatever providers answer; Rampart's gates hold or step back where it would have gone on.
 * Source: PowerMTA 5.0 user's guide, 10.7, 3.3.10.48 and 3.3.12.4.
 */
import { drawOwn, growthProblems, type OwnPlan } from '../../policy/plan.ts';
import type { Addresses, PoolDraft } from './addresses.ts';
import { effectiveSettings } from './effective.ts';
import type { Ends } from './ends.ts';
import { providerDomains } from './limits.ts';
import type { Model } from './model.ts';
import type { Directive } from './tree.ts';
import { dailyLimitsOf } from './values.ts';

export interface ColdPlan {
  readonly name: string;
  readonly plan: OwnPlan;
  readonly pool: string;
  /** Addresses it is for. */
  readonly addresses: readonly string[];
}

export function coldPlansFrom(model: Model, addresses: Addresses, ends: Ends): ColdPlan[] {
  const plans: ColdPlan[] = [];
  for (const [warm, colds] of addresses.coldOf) {
    const pool = addresses.poolOf.get(warm);
    if (pool === undefined) continue;
    const many = Math.max(1, ...pool.vmtas.filter((one) => colds.includes(one.name)).map((one) => one.addresses));
    const rows = rowsOf(model, warm, many, ends);
    const ips = pool.addresses.filter((one) => one.standing === 'cold').map((one) => one.ip);
    if (rows === undefined || ips.length === 0) continue;
    const name = planName(warm, plans);
    plans.push({ name, plan: planOf(rows, warm), pool: pool.name, addresses: ips });
  }
  return plans;
}

/** Rows by provider and for the rest; undefined when no line says more than nothing. */
function rowsOf(model: Model, warm: string, many: number, ends: Ends): Record<string, number[]> | undefined {
  const rows: Record<string, number[]> = {};
  const general = rowOf(model, warm, ['*'], many, ends);
  if (general !== undefined) rows.default = general;
  for (const [provider, domains] of providerDomains(model)) {
    const row = rowOf(model, warm, domains, many, ends);
    if (row !== undefined && JSON.stringify(row) !== JSON.stringify(general)) rows[provider] = row;
  }
  if (Object.keys(rows).length === 0) return undefined;
  // A plan serves every lane. What has no figure got no cold mail at all; a message a day is the least a stage can be.
  rows.default ??= [1];
  return rows;
}

/** The strictest of these domains, day by day. */
function rowOf(model: Model, warm: string, domains: readonly string[], many: number, ends: Ends): number[] | undefined {
  let strictest: number[] | undefined;
  const lines: Directive[] = [];
  for (const domain of domains) {
    const setting = effectiveSettings(model, domain, warm).settings.get('max-cold-virtual-mta-msg');
    if (setting?.from == null) continue;
    const limits = dailyLimitsOf(setting.value);
    if (limits === undefined) {
      ends.notSupported(setting.from, 'it is no list of limits such as 50/d,100/d');
      continue;
    }
    lines.push(setting.from);
    const row = stages(limits, many);
    if (strictest === undefined) strictest = row;
    else {
      const days = Math.max(strictest.length, row.length);
      const at = (of: readonly number[], day: number) => of[Math.min(day, of.length - 1)] ?? 0;
      const before = strictest;
      strictest = Array.from({ length: days }, (_, day) => Math.min(at(before, day), at(row, day)));
    }
  }
  const row = strictest?.filter((ceiling) => ceiling >= 1);
  const useful = row !== undefined && row.length > 0;
  for (const line of lines) {
    if (useful) ends.translated(line, 'rows of a plan: ./rampart warmup start IP --plan NAME follows it');
    else ends.notNeeded(line, '0 a day: no cold mail, which is what a lane without a plan gets');
  }
  return useful ? row : undefined;
}

/** A plan never falls: where a list does, the days before it are as low. Several addresses share each figure. */
function stages(limits: readonly number[], many: number): number[] {
  const row: number[] = [];
  for (let day = limits.length - 1, least = Number.POSITIVE_INFINITY; day >= 0; day--) {
    least = Math.min(least, Math.floor((limits[day] ?? 0) / many));
    row.unshift(least);
  }
  return row;
}

function planOf(rows: Record<string, number[]>, warm: string): OwnPlan {
  const plan: OwnPlan = { rows, source: `max-cold-virtual-mta-msg of ${warm}` };
  // A list written by hand may double faster than a plan may: then stages are put in, or nothing could start it.
  return growthProblems(drawOwn('imported', plan)).length > 0 ? { ...plan, capped: true } : plan;
}

function planName(warm: string, plans: readonly ColdPlan[]): string {
  const plain = `cold-${warm.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`.replace(/-+$/, '');
  let name = plain;
  for (let n = 2; plans.some((plan) => plan.name === name); n++) name = `${plain}-${n}`;
  return name;
}

/** Cold addresses that no plan was found for: PowerMTA gives them nothing either. */
export function coldWithoutPlan(pools: readonly PoolDraft[], plans: readonly ColdPlan[]): string[] {
  const planned = new Set(plans.flatMap((plan) => plan.addresses));
  return pools
    .flatMap((pool) => pool.addresses)
    .filter((address) => address.standing === 'cold' && !planned.has(address.ip))
    .map((address) => address.ip);
}
