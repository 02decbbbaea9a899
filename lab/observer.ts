/** Watches the world and writes down the ground truth: events that begin and end, scores that move. */
import type { LabClock } from './clock.ts';
import type { Provider } from './provider.ts';
import type { EventLine } from './records.ts';
import type { WorldEvent } from './scenario-events.ts';
import type { Schedule } from './schedule.ts';

const LOOKS_PER_DAY = 24;
const SHORTEST_MS = 50;
const LONGEST_MS = 60_000;

export interface ObserverOptions {
  readonly clock: LabClock;
  readonly schedule: Schedule;
  readonly providers: readonly Provider[];
  readonly record: (line: EventLine) => void;
}

export class Observer {
  readonly #options: ObserverOptions;
  readonly #scores = new Map<string, number>();
  #on = new Map<string, WorldEvent>();
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
    const { clock, schedule, providers, record } = this.#options;
    const at = { t: clock.now(), day: clock.days() };
    const on = new Map(schedule.active().map((event) => [keyOf(event), event]));
    for (const [key, event] of on) if (!this.#on.has(key)) record({ ...at, ...lineOf(event), on: true });
    for (const [key, event] of this.#on) if (!on.has(key)) record({ ...at, ...lineOf(event), on: false });
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

function lineOf(event: WorldEvent): { kind: WorldEvent['type']; provider: string; domain?: string } {
  const { type: kind, provider } = event;
  return event.type === 'tenant-block' ? { kind, provider, domain: event.domain } : { kind, provider };
}

function keyOf(event: WorldEvent): string {
  return Object.values(lineOf(event)).join(' ');
}
