/** Limits of a lane's connections and rates as one process keeps them: its part of what policy/shaping.ts allows. */
import { DAY_MS, planMs } from '../../policy/calendar.ts';
import { perMinute, type Rate } from '../../policy/rate.ts';
import { type ShapingOverrides, shapingOf, shareOf } from '../../policy/shaping.ts';
import type { LaneRow } from '../../store/lanes.ts';

export interface LaneLimits {
  readonly connections: number;
  readonly messagesPerConnection: number;
  readonly newConnections: Rate;
  /** null: no limit but the grant's. */
  readonly messages: Rate | null;
}

/**
 * Limits of a pool's lanes at a provider; `processes` share them. `scale`: real ms of a plan ms. Rates are of plan minutes:
 * a day that lasts seconds has its thousands of messages all the same.
 */
export function laneLimits(
  provider: string,
  pool: string,
  overrides: ShapingOverrides,
  processes: number,
  scale = 1,
): LaneLimits {
  const shape = shapingOf(provider, pool, overrides);
  const connections = shareOf(shape.connections.value, processes);
  const newConnections = perMinute(shape.connectionsPerMinute.value / scale, processes);
  const most = shape.messagesPerMinute.value;
  return {
    connections,
    messagesPerConnection: shape.messagesPerConnection.value,
    // All of them may be opened at once; after that the rate holds.
    newConnections: { ...newConnections, burst: Math.max(connections, newConnections.burst) },
    messages: most > 0 ? perMinute(most / scale, processes) : null,
  };
}

/** Answers the same question again without working it out: it is asked many times for every message. */
export class LimitTable {
  readonly #overrides: ShapingOverrides;
  readonly #processes: () => number;
  #for = 0;
  readonly #known = new Map<string, LaneLimits>();
  /** By lane, as the last renewal brought it. */
  #ofLane = new WeakMap<object, LaneLimits>();

  /** `processes`: living ones that share a lane. */
  constructor(overrides: ShapingOverrides, processes: () => number) {
    this.#overrides = overrides;
    this.#processes = processes;
  }

  of(lane: Pick<LaneRow, 'provider' | 'pool' | 'calendar'>): LaneLimits {
    const processes = this.#processes();
    if (processes !== this.#for) {
      this.#known.clear();
      this.#ofLane = new WeakMap();
      this.#for = processes;
    }
    const known = this.#ofLane.get(lane);
    if (known !== undefined) return known;
    const limits = this.#shared(lane, processes);
    this.#ofLane.set(lane, limits);
    return limits;
  }

  /** Lanes of one pool at one provider have the same. */
  #shared(
    { provider, pool, calendar }: Pick<LaneRow, 'provider' | 'pool' | 'calendar'>,
    processes: number,
  ): LaneLimits {
    const scale = planMs(DAY_MS, calendar) / DAY_MS;
    const key = `${pool} ${provider} ${scale}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const limits = laneLimits(provider, pool, this.#overrides, processes, scale);
    this.#known.set(key, limits);
    return limits;
  }
}
