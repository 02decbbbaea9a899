/**
 * Greylisting: the first attempt of some (address, sender domain, recipient) triples gets a 4xx, and so does each retry
 * until a delay of plan time is over. The sender's domain, not its whole address: under VERP every attempt may carry
 * another local part. Some keep the address's /24 instead of the address, so that a farm of senders may take turns.
 */
import { netblockOf } from './networks.ts';
import { chance, draw } from './random.ts';

export interface GreylistOptions {
  readonly seed: number;
  readonly provider: string;
  /** Of first attempts, 0..1. */
  readonly share: number;
  /** Plan hours until the earliest and the latest retry passes. */
  readonly minHours: number;
  readonly maxHours: number;
  /** What of the source address must stay the same. */
  readonly by: 'address' | 'netblock';
}

export class Greylist {
  readonly #options: GreylistOptions;
  readonly #passesAt = new Map<string, number>();

  constructor(options: GreylistOptions) {
    this.#options = options;
  }

  /** Whether this attempt is to be put off. `hours` is plan time. */
  defers(sourceIp: string, senderDomain: string, rcpt: string, hours: number): boolean {
    const { seed, provider, share, minHours, maxHours, by } = this.#options;
    const triple = [provider, by === 'netblock' ? netblockOf(sourceIp) : sourceIp, senderDomain, rcpt];
    if (!chance(share, seed, 'greylist', ...triple)) return false;
    const key = triple.join(' ');
    const passesAt = this.#passesAt.get(key);
    if (passesAt !== undefined) return hours < passesAt;
    const span = Math.max(0, maxHours - minHours);
    this.#passesAt.set(key, hours + minHours + draw(seed, 'greylist-delay', ...triple) * span);
    return true;
  }
}
