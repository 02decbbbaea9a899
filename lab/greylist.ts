/**
 * Greylisting: the first attempt of some (address, sender domain, recipient) triples gets a 4xx, and so does each retry
 * until a delay of plan time is over. The sender's domain, not its whole address: under VERP every attempt may carry
 * another local part.
 */
import { chance, draw } from './random.ts';

const SHORTEST_HOURS = 5 / 60;

export interface GreylistOptions {
  readonly seed: number;
  readonly provider: string;
  /** Of first attempts, 0..1. */
  readonly share: number;
  /** Plan hours after which every retry passes; below 2. */
  readonly maxHours: number;
}

export class Greylist {
  readonly #options: GreylistOptions;
  readonly #passesAt = new Map<string, number>();

  constructor(options: GreylistOptions) {
    this.#options = options;
  }

  /** Whether this attempt is to be put off. `hours` is plan time. */
  defers(sourceIp: string, senderDomain: string, rcpt: string, hours: number): boolean {
    const { seed, provider, share, maxHours } = this.#options;
    const triple = [provider, sourceIp, senderDomain, rcpt];
    if (!chance(share, seed, 'greylist', ...triple)) return false;
    const key = triple.join(' ');
    const passesAt = this.#passesAt.get(key);
    if (passesAt !== undefined) return hours < passesAt;
    const span = Math.max(0, maxHours - SHORTEST_HOURS);
    this.#passesAt.set(key, hours + SHORTEST_HOURS + draw(seed, 'greylist-delay', ...triple) * span);
    return true;
  }
}
