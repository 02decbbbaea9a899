/** Which mail or lanes a person names on the command line: `--provider google --tenant shop`. */
import { isIPv4 } from 'node:net';
import { domainToASCII } from 'node:url';
import { type HoldScope, netblockOf } from '../../policy/holds.ts';
import type { Queryable } from '../../store/connect.ts';
import { allLanes } from '../../store/lanes.ts';
import type { QueueFilter } from '../../store/queue-filter.ts';
import { badInput, type CommandOption, type Invocation, text } from '../command.ts';
import { parseDuration } from '../config/duration.ts';
import { closest } from '../terminal/closest.ts';

const OPTION = {
  pool: 'mail of this pool',
  provider: 'mail to this provider',
  tenant: 'mail of this tenant',
  campaign: 'mail of this campaign',
  domain: 'mail to this recipient domain',
  stream: 'marketing or transactional',
  address: 'mail that belongs to this sending address',
  netblock: 'lanes of this /24, such as 198.51.100.0/24',
} as const;
type Name = keyof typeof OPTION;

function options(names: readonly Name[]): CommandOption[] {
  return names.map((name) => ({ name, type: 'string', value: name.toUpperCase(), says: OPTION[name] }));
}

/** Options of commands that work on queued mail. */
export const FILTER_OPTIONS: readonly CommandOption[] = [
  ...options(['pool', 'provider', 'tenant', 'campaign', 'domain', 'stream', 'address']),
  { name: 'older', type: 'string', value: 'TIME', says: "only what was accepted longer ago, such as '6h'" },
];

/** The queued mail an invocation names. Throws CliError `bad-input` for a filter that names nothing. */
export function queueFilter(invocation: Invocation, now: number): QueueFilter {
  const filter: Record<string, string | number> = {};
  for (const { name } of FILTER_OPTIONS) {
    const value = text(invocation, name);
    if (value === undefined) continue;
    if (name === 'older') {
      const age = parseDuration(value);
      if (age === undefined) throw badInput(`--older is "${value}": give a time such as 90min, 6h or 2d`);
      filter.before = now - age;
    } else filter[name] = name === 'domain' ? queuedDomain(value) : value;
  }
  if (filter.address !== undefined && !isIPv4(String(filter.address)))
    throw badInput(`--address is "${filter.address}": give one of your sending addresses, such as 198.51.100.8`);
  if (filter.stream !== undefined && filter.stream !== 'marketing' && filter.stream !== 'transactional')
    throw badInput(`--stream is "${filter.stream}": give marketing or transactional`);
  return filter;
}

const SCOPES: readonly Name[] = ['provider', 'tenant', 'campaign', 'domain', 'netblock', 'pool', 'stream', 'address'];

/** Options of commands that stop: one of them names what. */
export const SCOPE_OPTIONS: readonly CommandOption[] = [
  { name: 'all', type: 'boolean', says: 'everything' },
  ...options(SCOPES),
];

export interface Scope {
  readonly scope: HoldScope;
  readonly target: string;
}

/** What an invocation wants stopped, or undefined. Throws CliError `bad-input` for two things at once, or an unknown one. */
export async function namedScope(db: Queryable, invocation: Invocation): Promise<Scope | undefined> {
  const named: Scope[] = SCOPES.flatMap((scope) => {
    const target = text(invocation, scope);
    return target === undefined ? [] : [{ scope, target: target.trim() }];
  });
  if (invocation.options.all === true) named.push({ scope: 'all', target: '*' });
  if (named.length > 1) {
    const both = named.map(({ scope }) => `--${scope}`).join(' and ');
    throw badInput(`${both} at once: a stop names one thing; run the command once for each`);
  }
  const [one] = named;
  return one === undefined ? undefined : checked(db, one);
}

async function checked(db: Queryable, one: Scope): Promise<Scope> {
  if (one.target === '') throw badInput(`--${one.scope} is empty: name what to stop`);
  const lanes = await allLanes(db);
  const among = (known: readonly string[]) => {
    if (known.includes(one.target)) return one;
    const near = closest(one.target, known);
    const hint = near === undefined ? `known: ${[...new Set(known)].join(', ')}` : `did you mean ${near}?`;
    throw badInput(`no lane has ${one.scope} "${one.target}" (${hint})`);
  };
  switch (one.scope) {
    case 'provider':
      return among(lanes.map((lane) => lane.provider));
    case 'pool':
      return among(lanes.map((lane) => lane.pool));
    case 'address':
      return among(lanes.map((lane) => lane.address));
    case 'netblock': {
      const [ip = ''] = one.target.split('/');
      if (!isIPv4(ip) || !/^[^/]+(\/24)?$/.test(one.target))
        throw badInput(`--netblock is "${one.target}": give a /24 such as 198.51.100.0/24`);
      return { ...one, target: netblockOf(ip) };
    }
    case 'stream':
      return among(['marketing', 'transactional']);
    case 'domain':
      return { ...one, target: queuedDomain(one.target) };
    default:
      // A tenant or campaign may have no mail yet: stopping it beforehand is what a person may want.
      return one;
  }
}

/** A domain as the queue has it (ASCII, no final dot), however it is written. */
function queuedDomain(given: string): string {
  const domain = domainToASCII(given.trim().replace(/^@/, '').replace(/\.$/, ''));
  if (domain === '') throw badInput(`--domain is "${given}": give a recipient domain such as example.com`);
  return domain;
}

/** The queued mail a stop of this scope holds back. Of a netblock: what belongs to its addresses; the rest may go by others. */
export function filterOf({ scope, target }: Scope): QueueFilter {
  return scope === 'all' || scope === 'lane' || scope === 'arm' ? {} : { [scope]: target };
}
