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

/** What of a message a hold may name. */
export interface NamedMail {
  readonly campaign: string;
  readonly tenant: string;
  readonly domain: string;
  readonly stream: string;
  readonly pool: string;
}

const OF_MAIL = ['campaign', 'tenant', 'domain', 'stream'] as const;

/**
 * By which of these does the mail itself come back slowly on this lane? Other mail there does not. A pool's lanes come back
 * slowly as lanes; its mail does so where it overflows to.
 */
export function easingsOf<E extends Easing>(easings: readonly E[], mail: NamedMail, lane: LaneKey, now: number): E[] {
  return easings.filter(
    ({ scope, target, reach, until }) =>
      until > now &&
      (lane.cold || reach === 'all') &&
      (OF_MAIL.some((name) => name === scope && mail[name] === target) ||
        (scope === 'pool' && mail.pool === target && lane.pool !== target)),
  );
}

/** Can what this hold stopped come back slowly? An arm of one front's cutover has a pace of its own (policy/cutover). */
export function canEase({ scope, target }: Pick<Hold, 'scope' | 'target'>): boolean {
  return scope !== 'arm' || !target.includes('/');
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
