/** Every upstream of the configuration in a lane's place, by its pool: what carries its mail, and what stops it. */
import { DAY_MS, planMs } from '../../policy/calendar.ts';
import type { LaneRow } from '../../store/lanes.ts';
import type { Claimed, Outcome } from '../../store/queue.ts';
import * as clock from '../clock.ts';
import type { DeliveryParts } from '../delivery.ts';
import type { Lease } from '../egress/lease.ts';
import type { LaneParts } from '../egress/sendable.ts';
import { LaneSlots } from '../egress/slots.ts';
import type { MtaSettings } from '../settings.ts';
import { addressesByName } from './addresses.ts';
import { upstreamLane } from './lane.ts';
import { UpstreamSender } from './sender.ts';
import type { UpstreamSettings } from './settings.ts';
import { FreeUnits } from './units.ts';

export interface UpstreamsParts {
  readonly settings: MtaSettings;
  readonly lease: Lease;
  readonly delivery: Pick<DeliveryParts, 'resolver' | 'authorities'>;
  readonly commit: (outcome: Outcome) => Promise<void>;
  /** The message goes back to the queue unattempted, not before `due`. */
  readonly handBack: (id: number, due: number, why: string) => Promise<void>;
  /** Why the arm of a cutover that has this message may not begin it, or null. */
  readonly armStops: (message: Claimed) => string | null;
  readonly began: () => void;
  readonly freed: (id: number) => void;
  /** A place is free, or (`at`) mail will be due. */
  readonly wake: (lane: LaneRow, at?: number) => void;
}

export class Upstreams {
  readonly #parts: UpstreamsParts;
  readonly #byPool: ReadonlyMap<string, LaneParts>;

  constructor(parts: UpstreamsParts) {
    this.#parts = parts;
    this.#byPool = new Map((parts.settings.upstreams ?? []).map((one) => [one.pool, this.#inPlace(one)]));
  }

  of(pool: string): LaneParts | undefined {
    return this.#byPool.get(pool);
  }

  get all(): Iterable<LaneParts> {
    return this.#byPool.values();
  }

  #inPlace(settings: UpstreamSettings): LaneParts {
    const { lease, delivery, wake, freed } = this.#parts;
    const { hostname, node, log, traceKey } = this.#parts.settings;
    const { resolver, authorities } = delivery;
    const lane = upstreamLane(settings.pool, node);
    const sender = new UpstreamSender(settings, {
      hostname,
      log,
      traceKey,
      authorities,
      addressesOf: (host) => resolver.addressesOf(host).catch(() => addressesByName(host)),
      knownProvider: (domain) => resolver.knownProvider(domain),
      stops: (message) => this.#stops(lane, message),
      leaseFresh: () => lease.allows(lane, clock.now()),
      processes: () => lease.onNode,
      scale: () => planMs(DAY_MS, lease.lanes[0]?.calendar ?? lane.calendar) / DAY_MS,
      commit: async (outcome) => {
        await this.#parts.commit(outcome);
        if (outcome.retry !== null) wake(lane, outcome.retry.due);
      },
      postpone: async (id, due, why) => {
        await this.#parts.handBack(id, due, why);
        wake(lane, due);
      },
      began: this.#parts.began,
      freed: (id) => {
        freed(id);
        wake(lane);
      },
    });
    const stops = () => lease.stops(lane, clock.now());
    return { lane, sender, stops, units: new FreeUnits(), slots: new LaneSlots(sender) };
  }

  async #stops(lane: LaneRow, message: Claimed): Promise<string | null> {
    const { lease, delivery, armStops } = this.#parts;
    const now = clock.now();
    const stopped = lease.stops(lane, now) ?? lease.stopsMail(message, false, now) ?? armStops(message);
    if (stopped !== null || !lease.holdsProviders(now)) return stopped;
    // Its mail is queued without a provider of its own: whose it is matters only while one is stopped.
    const routed = () =>
      delivery.resolver.route(message.domain).then(
        (route) => route.provider,
        () => null,
      );
    const provider = message.mailboxProvider ?? (await routed());
    return provider === null ? null : lease.stops({ ...lane, provider }, clock.now());
  }
}
