/** Which of the scenario's events are on now. Before the clock is started none is, but for those applied by hand. */
import type { LabClock } from './clock.ts';
import {
  type BlocklistEvent,
  isCampaign,
  type ProviderEvent,
  type ScenarioEvent,
  spanOf,
  type WorldEvent,
} from './scenario-events.ts';

type EventOf<Type extends WorldEvent['type']> = Extract<WorldEvent, { type: Type }>;

export class Schedule {
  readonly #clock: LabClock;
  readonly #planned: readonly WorldEvent[];
  readonly #byHand: { event: WorldEvent; until: number }[] = [];

  constructor(clock: LabClock, events: readonly ScenarioEvent[]) {
    this.#clock = clock;
    this.#planned = events.filter((event): event is WorldEvent => !isCampaign(event));
  }

  /** Begins an event now, whatever its `fromDay`, for as long as it lasts. */
  apply(event: WorldEvent): void {
    const { from, to } = spanOf(event);
    this.#byHand.push({ event, until: this.#clock.now() + (to - from) * this.#clock.dayLength });
  }

  active(): WorldEvent[] {
    const now = this.#clock.now();
    const byHand = this.#byHand.filter((one) => now < one.until).map((one) => one.event);
    if (this.#clock.epoch === null || now < this.#clock.epoch) return byHand;
    const day = this.#clock.days();
    const planned = this.#planned.filter((one) => spanOf(one).from <= day && day < spanOf(one).to);
    return [...planned, ...byHand];
  }

  /** The events of a type that are on at a provider now, planned ones first. */
  at<Type extends ProviderEvent['type']>(provider: string, type: Type): EventOf<Type>[] {
    return this.active().filter(
      (one): one is EventOf<Type> => one.type === type && 'provider' in one && one.provider === provider,
    );
  }

  /** The events of a type that are on at a blocklist now. */
  ofBlocklist<Type extends BlocklistEvent['type']>(zone: string, type: Type): EventOf<Type>[] {
    return this.active().filter(
      (one): one is EventOf<Type> => one.type === type && 'blocklist' in one && one.blocklist === zone,
    );
  }

  outage(provider: string): boolean {
    return this.at(provider, 'outage').length > 0;
  }
}
