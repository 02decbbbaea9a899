/**
 * The standing of each /24 at one provider: neighbours hurt one another. A part of the damage that an address does to
 * itself is charged to its network, and somebody else's spam there (a `bad-neighbour` event) keeps the network down for as
 * long as it lasts. A network has no limits of volume: it is in good standing, or its mail goes to junk, or it is refused.
 */
import type { PlanInstant } from './clock.ts';
import { holds, netblockOf } from './networks.ts';
import { Reputation, type Standing } from './reputation.ts';

export interface Neighbour {
  readonly network: string;
  /** 0..1. */
  readonly damage: number;
}

export class Netblocks {
  readonly #share: number;
  readonly #networks = new Map<string, Reputation>();
  /** Source address → what of its harm has been charged already. */
  readonly #charged = new Map<string, number>();

  /** `share`: of an address's harm, 0..1. */
  constructor(share: number) {
    this.#share = share;
  }

  /** The standing of the address's network now; `neighbours`: those who misbehave now, anywhere. */
  standing(ip: string, neighbours: readonly Neighbour[], at: PlanInstant): Standing {
    const network = this.#network(ip);
    network.rollTo(at.day);
    for (const one of neighbours) if (holds(one.network, ip)) network.sufferAtLeast(at, one.damage);
    return network.standing;
  }

  /** Charges the network with its share of what the address has done since the last call. */
  charge(ip: string, reputation: Reputation, at: PlanInstant): void {
    const done = reputation.harmDone;
    this.#network(ip).recordForeignHarm(at, this.#share * (done - (this.#charged.get(ip) ?? 0)));
    this.#charged.set(ip, done);
  }

  /** Every network seen so far, with its CIDR. */
  all(): [network: string, reputation: Reputation][] {
    return [...this.#networks];
  }

  #network(ip: string): Reputation {
    const key = netblockOf(ip);
    const known = this.#networks.get(key);
    if (known) return known;
    const fresh = new Reputation({ freeDailyVolume: Number.POSITIVE_INFINITY });
    this.#networks.set(key, fresh);
    return fresh;
  }
}
