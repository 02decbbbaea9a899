/**
 * The settings PowerMTA would use for a queue (`domain/vmta`), each with the line it comes from. Three levels, the later
 * wins: `<domain>` blocks of the configuration, those of the pool, those of the virtual MTA; within a level the more
 * special pattern wins, and among equals the later line. `queue-to` leads to the settings of another queue.
 * Source: user's guide, 3.2.5, 3.3.10 and 3.3.12.
 */
import { DEFAULT_SETTINGS } from './defaults.ts';
import { matches, specificity } from './domains.ts';
import { unquoted, wordsOf } from './lines.ts';
import { type DomainBlock, type Model, poolsWith } from './model.ts';
import { type Directive, directivesOf } from './tree.ts';

export interface Setting {
  readonly value: string;
  /** The line it comes from; null: PowerMTA's own default. */
  readonly from: Directive | null;
}

export interface Effective {
  /** The queue that was asked for, and those that queue-to leads to; the last one's settings hold. */
  readonly queues: readonly string[];
  /** By directive; those that may be repeated have their first word in the name: `source-ip-max-msg-rate 10.0.0.1`. */
  readonly settings: ReadonlyMap<string, Setting>;
  readonly problem?: string;
}

/** Limits per source address: one value for each network they name. */
const PER_NETWORK = /^(backoff-)?source-ip-max-/;

/** Settings of `domain` in a virtual MTA, or in a pool that has no virtual MTA of that name. */
export function effectiveSettings(model: Model, domain: string, vmta: string): Effective {
  const queues = [`${domain}/${vmta}`];
  let settings = settingsOf(model, domain, vmta);
  for (let at = domain; ; ) {
    const to = settings.get('queue-to')?.value.toLowerCase();
    if (to === undefined || to === '' || to === at) return { queues, settings };
    const queue = `${to}/${vmta}`;
    if (queues.includes(queue))
      return { queues, settings, problem: `queue-to goes in a circle: ${queues.join(' → ')}` };
    queues.push(queue);
    at = to;
    settings = settingsOf(model, at, vmta);
  }
}

function settingsOf(model: Model, domain: string, vmta: string): Map<string, Setting> {
  const settings = new Map<string, Setting>(
    Object.entries(DEFAULT_SETTINGS).map(([name, value]) => [name, { value, from: null }]),
  );
  const pools = model.vmtas.has(vmta)
    ? poolsWith(model, vmta)
    : [...model.pools.values()].filter((p) => p.name === vmta);
  const levels: (readonly DomainBlock[])[] = [
    model.domains,
    ...pools.map((pool) => pool.domains),
    model.vmtas.get(vmta)?.domains ?? [],
  ];
  for (const level of levels) {
    const speaking = level
      .filter(({ pattern }) => matches(pattern, domain))
      // Stable: among equally special ones the order of the file stays.
      .sort((a, b) => specificity(a.pattern) - specificity(b.pattern));
    for (const { block } of speaking) for (const directive of directivesOf(block)) take(settings, directive);
  }
  for (const [name, fallback] of FOLLOWS) {
    if (settings.get(name)?.from !== null) continue;
    const followed = settings.get(fallback);
    if (followed !== undefined) settings.set(name, followed);
  }
  return settings;
}

/** Defaults that are another directive's value. */
const FOLLOWS: readonly (readonly [string, string])[] = [
  ['backoff-max-msg-rate', 'max-msg-rate'],
  ['backoff-max-connect-rate', 'max-connect-rate'],
  ['backoff-max-data-volume-rate', 'max-data-volume-rate'],
];

/** Older names of the same directive. */
const ALIASES: Readonly<Record<string, string>> = { 'max-rcpt-per-transaction': 'max-rcpt-per-message' };

function take(settings: Map<string, Setting>, directive: Directive): void {
  if (directive.name === 'include' || directive.name === 'domain-macro') return;
  const name = ALIASES[directive.name] ?? directive.name;
  if (PER_NETWORK.test(name)) {
    const [network = '', ...rest] = wordsOf(directive.value);
    settings.set(`${name} ${network}`, { value: rest.join(' '), from: directive });
  } else if (directive.value === '""') {
    // "" takes back what a more general block said.
    settings.delete(name);
    const fallback = DEFAULT_SETTINGS[name];
    if (fallback !== undefined) settings.set(name, { value: fallback, from: directive });
  } else {
    settings.set(name, { value: unquoted(directive.value), from: directive });
  }
}
