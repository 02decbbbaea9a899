/**
 * `<domain>` limits become shaping. PowerMTA limits a queue (a domain in a virtual MTA); Rampart limits a lane (one address
 * at one provider). So a queue's figure is divided by the addresses of its virtual MTA, and of several domains of one
 * provider, or several virtual MTAs of one pool, the strictest holds: an import never sends faster than it was allowed to.
 */

import type { Shape } from '../../policy/shaping.ts';
import type { Rows } from '../draft.ts';
import { providerOfDomain, providerOfMxPattern } from '../known-domains.ts';
import type { PoolDraft } from './addresses.ts';
import { exampleOf } from './domains.ts';
import { effectiveSettings, type Setting } from './effective.ts';
import type { Ends } from './ends.ts';
import type { DomainBlock, Model } from './model.ts';
import type { Directive } from './tree.ts';
import { inNetwork, type Rate, rateOf } from './values.ts';

export interface PoolLimits {
  readonly rows: Rows;
  /** Messages a day an address may send, where a limit is slower than a message a minute or counted by the day. */
  readonly normal: Readonly<Record<string, number>>;
}

const DAY = 86_400;

/** Limits of one pool's lanes; says of each line that was looked at what became of it. */
export function limitsOf(model: Model, pool: PoolDraft, ips: readonly string[], ends: Ends): PoolLimits {
  const general = gathered(model, pool, ips, ['*'], ends);
  const rows: Record<string, Partial<Shape>> = {};
  const normal: Record<string, number> = {};
  if (Object.keys(general.row).length > 0) rows.default = general.row;
  if (general.perDay !== undefined) normal.default = general.perDay;
  for (const [provider, domains] of providerDomains(model)) {
    const { row, perDay } = gathered(model, pool, ips, domains, ends);
    const own = Object.entries(row).filter(([limit, value]) => general.row[limit as keyof Shape] !== value);
    if (own.length > 0) rows[provider] = Object.fromEntries(own);
    if (perDay !== undefined && perDay !== general.perDay) normal[provider] = perDay;
  }
  return { rows, normal };
}

/** Domains that are named somewhere, by the provider they belong to; rollup queues by their MX pattern. */
export function providerDomains(model: Model): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (provider: string | undefined, domain: string) => {
    if (provider === undefined) return;
    const domains = found.get(provider) ?? [];
    if (!domains.includes(domain)) domains.push(domain);
    found.set(provider, domains);
  };
  for (const { pattern } of allDomainBlocks(model)) {
    if (pattern.kind === 'address' || pattern.kind === 'internal' || pattern.kind === 'all') continue;
    const provider = providerOfDomain(pattern.name) ?? rollupProvider(model, pattern.name);
    add(provider, exampleOf(pattern));
  }
  return found;
}

/** The provider a rollup queue stands for: that of its MX patterns, when they agree. */
export function rollupProvider(model: Model, name: string): string | undefined {
  const patterns = model.rollups.filter((rollup) => rollup.name === name).map(({ mx }) => providerOfMxPattern(mx));
  const [first] = patterns;
  return patterns.every((one) => one === first) ? first : undefined;
}

export function allDomainBlocks(model: Model): DomainBlock[] {
  return [
    ...model.domains,
    ...[...model.pools.values()].flatMap((pool) => pool.domains),
    ...[...model.vmtas.values()].flatMap((vmta) => vmta.domains),
  ];
}

interface Limit {
  readonly value: number;
  readonly from: Directive;
}

interface Found {
  readonly limits: Map<keyof Shape | 'perDay', Limit>;
  readonly seen: Map<Directive, string>;
  readonly lost: Map<Directive, string>;
}

function gathered(
  model: Model,
  pool: PoolDraft,
  ips: readonly string[],
  domains: readonly string[],
  ends: Ends,
): { readonly row: Partial<Shape>; readonly perDay: number | undefined } {
  const found: Found = { limits: new Map(), seen: new Map(), lost: new Map() };
  // Cold virtual MTAs count too: their lanes have the same shaping.
  for (const vmta of pool.vmtas) {
    for (const domain of domains) {
      const { settings } = effectiveSettings(model, domain, vmta.name);
      for (const [name, setting] of settings) take(found, name, setting, vmta.addresses, ips);
    }
  }
  const kept = new Set([...found.limits.values()].map(({ from }) => from));
  for (const [line, says] of found.seen) {
    if (kept.has(line)) ends.translated(line, says);
    else
      ends.notNeeded(
        line,
        says === '' ? 'no limit: the shipped one stays' : 'a stricter line for the same lanes holds',
      );
  }
  for (const [line, says] of found.lost) ends.notSupported(line, says);
  const { perDay, ...row } = Object.fromEntries([...found.limits].map(([name, { value }]) => [name, value]));
  return { row: row as Partial<Shape>, perDay };
}

/** Reads one setting into limits of a lane. */
function take(found: Found, key: string, { value, from }: Setting, addresses: number, ips: readonly string[]): void {
  if (from === null) return;
  const [name = '', network] = key.split(' ');
  if (network !== undefined && !ips.some((ip) => inNetwork(ip, network))) return;
  const figure = FIGURES[name.replace(/^source-ip-/, '').replace(/-per-source-ip$/, '')];
  if (figure === undefined) return;
  // A limit per source address is a lane's already, and how long a connection lasts is nobody's to share.
  const perAddress = network !== undefined || name.endsWith('-per-source-ip');
  const share = perAddress || figure.limit === 'messagesPerConnection' ? 1 : addresses;
  const rate = figure.rated ? rateOf(value) : countOf(value);
  if (rate === undefined) return;
  if (rate === 'unlimited') {
    found.seen.set(from, '');
    return;
  }
  if (rate.count === 0) {
    // 0 is listed as a value and not explained: whoever wrote it wanted no mail to go there.
    found.lost.set(from, 'a rate of 0: suppress the recipients there is to be no mail for (./rampart suppress add)');
    return;
  }
  const divided = share === 1 ? '' : `, divided among ${share} addresses`;
  const keep = (limit: keyof Shape | 'perDay', exact: number, says: string) => {
    const lane = Math.max(1, Math.floor(exact / share));
    found.seen.set(from, `${says}${divided}`);
    const before = found.limits.get(limit);
    if (before === undefined || lane < before.value) found.limits.set(limit, { value: lane, from });
  };
  const minute = figure.rated ? (rate.count * 60) / rate.seconds : rate.count;
  keep(figure.limit, minute, `shaping: ${figure.says}`);
  if (figure.limit === 'messagesPerMinute' && (rate.seconds >= DAY || minute / share < 1))
    keep('perDay', (rate.count * DAY) / rate.seconds, 'shaping, and messages a day of a warm address (normal)');
}

const FIGURES: Readonly<Record<string, { limit: keyof Shape; rated: boolean; says: string }>> = {
  'max-smtp-out': { limit: 'connections', rated: false, says: 'connections of a lane' },
  'max-msg-per-connection': { limit: 'messagesPerConnection', rated: false, says: 'messages on a connection' },
  'max-connect-rate': { limit: 'connectionsPerMinute', rated: true, says: 'connections a minute of a lane' },
  'max-msg-rate': { limit: 'messagesPerMinute', rated: true, says: 'messages a minute of a lane' },
};

/** Of figures that are no rates, 0 is no limit. */
function countOf(value: string): Rate | undefined {
  if (/^(unlimited|0)$/i.test(value)) return 'unlimited';
  return /^\d{1,9}$/.test(value) ? { count: Number(value), seconds: 1 } : undefined;
}
