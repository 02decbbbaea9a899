/** Which of the scenario's events are on now. Before the clock is started none is, but for those applied by hand. */
import type { LabClock } from './clock.ts';
import type { ScenarioEvent, WorldEvent } from './scenario-events.ts';

const HOURS_PER_DAY = 24;

type EventOf<Type extends WorldEvent['type']> = Extract<WorldEvent, { type: Type }>;

export class Schedule {
  readonly #clock: LabClock;
  readonly #planned: readonly WorldEvent[];
  readonly #byHand: { event: WorldEvent; until: number }[] = [];

  constructor(clock: LabClock, events: readonly ScenarioEvent[]) {
    this.#clock = clock;
    this.#planned = events.filter((event) => event.type !== 'dead-campaign');
  }

  /** Begins an event now, whatever its `fromDay`, for as long as it lasts. */
  apply(event: WorldEvent): void {
    this.#byHand.push({ event, until: this.#clock.now() + lengthInDays(event) * this.#clock.dayLength });
  }

  active(): WorldEvent[] {
    const now = this.#clock.now();
    const byHand = this.#byHand.filter((one) => now < one.until).map((one) => one.event);
    if (this.#clock.epoch === null || now < this.#clock.epoch) return byHand;
    const day = this.#clock.days();
    const planned = this.#planned.filter((one) => one.fromDay <= day && day < one.fromDay + lengthInDays(one));
    return [...planned, ...byHand];
  }

  /** The events of a type that are on at a provider now, planned ones first. */
  at<Type extends WorldEvent['type']>(provider: string, type: Type): EventOf<Type>[] {
    return this.active().filter((one): one is EventOf<Type> => one.type === type && one.provider === provider);
  }

  outage(provider: string): boolean {
    return this.at(provider, 'outage').length > 0;
  }
}

function lengthInDays(event: WorldEvent): number {
  return event.type === 'clampdown' ? event.days : event.hours / HOURS_PER_DAY;
}
