/** Gives claimed mail to lanes: to the first that may take it and has a connection and a unit for it. */
import type { Claimed } from '../../store/queue.ts';
import type { Unit } from './carrier.ts';
import type { MailEasing } from './mail-easing.ts';
import type { Able, LaneParts, Mail, SendableLanes } from './sendable.ts';
import { TenantShares } from './tenant-shares.ts';

/** A connection slot and a unit for one message. */
export interface Place {
  send(message: Claimed): void;
  release(): void;
}

export interface AssignmentParts {
  readonly sendable: SendableLanes;
  readonly easing: MailEasing;
  readonly tenantShare: number;
  /** Living MTA processes: each reserves its part of a lane's units. */
  readonly processes: () => number;
  readonly stopped: () => boolean;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

export class Assignment {
  readonly #parts: AssignmentParts;
  readonly #shares = new Map<string, TenantShares>();

  constructor(parts: AssignmentParts) {
    this.#parts = parts;
  }

  /** Tenants that are above their share of a lane. */
  sated({ lane }: LaneParts): readonly string[] {
    return this.#sharesOf(lane.address).all;
  }

  /** Gives each message to the first lane that may take it and has a unit; takes it out of `left`. */
  async assign(left: Set<Claimed>, lanes: readonly Able[], now: number): Promise<void> {
    for (const stream of ['transactional', 'marketing']) {
      let warm = lanes.filter((one) => !one.cold).length;
      for (const one of lanes) {
        const waiting = [...left].filter((message) => message.stream === stream);
        if (waiting.length === 0 || this.#parts.stopped()) break;
        const free = one.slots.free(stream, one.cold);
        // Warm peers share what comes: a lane that gets nothing for a week would be cold again.
        const share = one.cold ? free : Math.min(free, Math.ceil(waiting.length / Math.max(1, warm--)));
        const shares = this.#sharesOf(one.lane.address);
        const takes = waiting.filter((message) => this.#parts.sendable.takes(one, message, now));
        if (one.picky) takes.sort((a, b) => Number(shares.sated(a.tenant)) - Number(shares.sated(b.tenant)));
        const mine = this.#parts.easing.take(one.sender.fit(takes, now), one, share, now);
        if (mine.length === 0) continue;
        // Promised first: mail on its way in must not take the slots while the units are fetched.
        for (const _ of mine) one.slots.promise(stream);
        let units: readonly Unit[] = [];
        try {
          units = await one.units.take(one.lane, one.cold, mine.length, this.#parts.processes(), now);
        } finally {
          for (const _ of mine) one.slots.release(stream);
        }
        this.#parts.easing.giveBack(mine.slice(units.length), one, now);
        units.forEach((unit, n) => {
          const message = mine[n];
          if (message === undefined) return;
          left.delete(message);
          shares.use(message.tenant, unit.windowIndex);
          this.place(one, message, unit).send(message);
        });
      }
    }
  }

  /** Keeps a connection and a unit for a message until it is sent or let go. */
  place({ slots, sender, units }: LaneParts, { stream, domain }: Mail, unit: Unit): Place {
    slots.promise(stream);
    const held = sender.hold(domain);
    return {
      send: (message) => void slots.keep(stream, () => sender.send(message, unit, held)),
      release: () => {
        slots.release(stream);
        sender.letGo(domain, held);
        // A unit that can not be given back is lost: too little is sent, never too much.
        units.putBack(unit).catch((error: Error) => this.#parts.log('unit-lost', { error: error.message }));
      },
    };
  }

  #sharesOf(address: string): TenantShares {
    const known = this.#shares.get(address);
    if (known !== undefined) return known;
    const shares = new TenantShares(this.#parts.tenantShare);
    this.#shares.set(address, shares);
    return shares;
  }
}
