/** Watches the world and writes down the ground truth: events that begin and end, listings, scores that move. */
import type { Blocklists } from './blocklists.ts';
import type { LabClock } from './clock.ts';
import type { Provider } from './provider.ts';
import type { EventLine } from './records.ts';
import type { BlocklistEvent, ProviderEvent, WorldEvent } from './scenario-events.ts';
import type { Schedule } from './schedule.ts';

const LOOKS_PER_DAY = 24;
const SHORTEST_MS = 50;
const LONGEST_MS = 60_000;

export interface ObserverOptions {
  readonly clock: LabClock;
  readonly schedule: Schedule;
  readonly blocklists: Blocklists;
  readonly providers: readonly Provider[];
  readonly record: (line: EventLine) => void;
}

export class Observer {
  readonly #options: ObserverOptions;
  readonly #scores = new Map<string, number>();
  #on = new Map<string, EventFacts>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  /** Looks once per plan hour. */
  start(): void {
    const ms = this.#options.clock.dayLength / LOOKS_PER_DAY;
    this.#timer ??= setInterval(() => this.look(), Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ms)));
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
    this.look();
  }

  /** Records all that has changed since the last look. */
  look(): void {
    const { clock, schedule, blocklists, providers, record } = this.#options;
    const at = { t: clock.now(), day: clock.days() };
    const byRule = blocklists.listedByRule().map(({ zone, ip }) => {
      return { kind: 'listing' as const, blocklist: zone, network: ip };
    });
    const facts = [...schedule.active().map(factsOf), ...byRule];
    const on = new Map(facts.map((one) => [keyOf(one), one]));
    for (const [key, one] of on) if (!this.#on.has(key)) record({ ...at, ...one, on: true });
    for (const [key, one] of this.#on) if (!on.has(key)) record({ ...at, ...one, on: false });
    this.#on = on;
    for (const provider of providers) {
      for (const { kind, name, reputation } of provider.senders()) {
        const sender = `${kind}:${name}`;
        const key = `${provider.spec.key} ${sender}`;
        const { score, standing } = reputation;
        if (score === (this.#scores.get(key) ?? 100)) continue;
        this.#scores.set(key, score);
        record({ ...at, kind: 'score', provider: provider.spec.key, sender, score, standing });
      }
    }
  }
}

type EventFacts =
  | { kind: ProviderEvent['type']; provider: string; domain?: string; network?: string }
  | { kind: BlocklistEvent['type']; blocklist: string; network?: string };

/** What of an event goes into the record, and tells it from others. */
function factsOf(event: WorldEvent): EventFacts {
  const network = 'network' in event ? { network: event.network } : {};
  if ('blocklist' in event) return { kind: event.type, blocklist: event.blocklist, ...network };
  const domain = event.type === 'tenant-block' ? { domain: event.domain } : {};
  return { kind: event.type, provider: event.provider, ...domain, ...network };
}

function keyOf(facts: EventFacts): string {
  return Object.values(facts).join(' ');
}
