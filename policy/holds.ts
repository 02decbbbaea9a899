/** Holds stand apart from grants: what may be sent = grant and no hold. Pure matching of holds to lanes and mail. */

export type HoldScope =
  | 'lane'
  | 'address'
  | 'netblock'
  | 'pool'
  | 'arm'
  | 'provider'
  | 'stream'
  | 'campaign'
  | 'tenant'
  | 'domain'
  | 'all';

export interface Hold {
  readonly id: number;
  readonly scope: HoldScope;
  readonly target: string;
  /** `cold` stops lanes that are not warm; `all` stops warm ones too. */
  readonly reach: 'cold' | 'all';
  readonly cause: string;
  readonly actor: string;
  readonly reason: string;
  readonly since: number;
  readonly until: number | null;
}

export function laneTarget(address: string, provider: string): string {
  return `${address} ${provider}`;
}

/** One arm of a front's cutover, as a hold names it. */
export function armTarget(front: string, arm: 'old' | 'new'): string {
  return `${front}/${arm}`;
}

/** The /24 of an IPv4 address: the range Microsoft and others judge together. */
export function netblockOf(address: string): string {
  return `${address.split('.').slice(0, 3).join('.')}.0/24`;
}

export interface LaneKey {
  readonly address: string;
  readonly provider: string;
  readonly pool: string;
  readonly cold: boolean;
}

export function isLive(hold: Hold, now: number): boolean {
  return hold.until === null || hold.until > now;
}

/** Holds that stop a whole lane now. */
export function holdsOnLane(holds: readonly Hold[], lane: LaneKey, now: number): Hold[] {
  return holds.filter((hold) => isLive(hold, now) && (lane.cold || hold.reach === 'all') && coversLane(hold, lane));
}

function coversLane(hold: Pick<Hold, 'scope' | 'target'>, lane: LaneKey): boolean {
  switch (hold.scope) {
    case 'lane':
      return hold.target === laneTarget(lane.address, lane.provider);
    case 'address':
      return hold.target === lane.address;
    case 'netblock':
      return hold.target === netblockOf(lane.address);
    case 'pool':
      return hold.target === lane.pool;
    // A pool by its name: all of its mail. `<front>/<old|new>` stops one front's mail there (mta/egress/lease.ts), and the
    // pool may carry others' too.
    case 'arm':
      return hold.target === lane.pool;
    case 'provider':
      return hold.target === lane.provider;
    case 'all':
      return true;
    default:
      return false;
  }
}

/** A stop that was lifted a short time ago: what it covered comes back slowly. */
export interface Easing extends Pick<Hold, 'scope' | 'target' | 'reach'> {
  readonly until: number;
}

/** Does this lane come back slowly now? */
export function isEasing(easings: readonly Easing[], lane: LaneKey, now: number): boolean {
  return easings.some((one) => one.until > now && (lane.cold || one.reach === 'all') && coversLane(one, lane));
}

const OF_MAIL: readonly HoldScope[] = ['campaign', 'tenant', 'domain', 'stream'];

/** Was a whole lane silent under a hold of this scope? Under one on some mail it sent other mail, at its usual pace. */
export function silencesLanes(scope: HoldScope): boolean {
  return !OF_MAIL.includes(scope);
}

/** Names of one message scope (campaign, tenant, stream, domain) that are held now. */
export function heldNames(holds: readonly Hold[], scope: HoldScope, now: number, coldLane: boolean): string[] {
  return holds
    .filter((hold) => hold.scope === scope && isLive(hold, now) && (coldLane || hold.reach === 'all'))
    .map((hold) => hold.target);
}

/** Is this hold about the address as a whole or one of its lanes? */
export function coversAddress(hold: Hold, address: string): boolean {
  if (hold.scope === 'address') return hold.target === address;
  return hold.scope === 'lane' && hold.target.startsWith(`${address} `);
}
