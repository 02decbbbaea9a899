/**
 * The blocklists of a world: who is listed, and since when it listens to traps. One for all providers, as in the world
 * outside. An address is listed by a `listing` event, or by a list's own rule: too many dead recipients in 24 h, over all
 * providers. dnsbl-zone.ts tells it over DNS; providers ask here.
 */
import type { LabClock } from './clock.ts';
import { holds } from './networks.ts';
import { RollingCount } from './rolling-count.ts';
import type { BlocklistSpec } from './scenario-blocklist.ts';
import type { Schedule } from './schedule.ts';

/** RFC 5782 §5: listed in every working list, so that anybody can see that it works. */
const TEST_ENTRY = '127.0.0.2';
const HOURS_PER_DAY = 24;

export interface Listed {
  readonly zone: string;
  readonly ip: string;
}

export class Blocklists {
  readonly #specs: readonly BlocklistSpec[];
  readonly #clock: LabClock;
  readonly #schedule: Schedule;
  readonly #dead = new Map<string, RollingCount>();
  /** `zone ip` → plan hour at which the list's rule lets it go. */
  readonly #until = new Map<string, Listed & { hours: number }>();

  constructor(options: { specs: readonly BlocklistSpec[]; clock: LabClock; schedule: Schedule }) {
    this.#specs = options.specs;
    this.#clock = options.clock;
    this.#schedule = options.schedule;
  }

  get specs(): readonly BlocklistSpec[] {
    return this.#specs;
  }

  listed(zone: string, ip: string): boolean {
    if (ip === TEST_ENTRY) return true;
    if ((this.#until.get(`${zone} ${ip}`)?.hours ?? Number.NEGATIVE_INFINITY) > this.#clock.instant().hours)
      return true;
    return this.#schedule.ofBlocklist(zone, 'listing').some((one) => holds(one.network, ip));
  }

  /** The list says of every question that it does not answer this resolver. */
  refuses(zone: string): boolean {
    return this.#schedule.ofBlocklist(zone, 'blocklist-refusal').length > 0;
  }

  /** An address knocked at a dead recipient: some of them are traps. */
  recordDead(ip: string): void {
    const { hours } = this.#clock.instant();
    const dead = this.#dead.get(ip) ?? new RollingCount();
    this.#dead.set(ip, dead);
    dead.add(hours);
    for (const { zone, rule } of this.#specs) {
      if (!rule || dead.lastDay(hours) <= rule.deadPerDay) continue;
      this.#until.set(`${zone} ${ip}`, { zone, ip, hours: hours + rule.delistAfterDays * HOURS_PER_DAY });
    }
  }

  /** Addresses that a list's own rule holds now. */
  listedByRule(): Listed[] {
    const { hours } = this.#clock.instant();
    return [...this.#until.values()].filter((one) => one.hours > hours).map(({ zone, ip }) => ({ zone, ip }));
  }
}
