/**
 * What each tenant had of a cold lane's window in this process. A tenant above its share comes after others that wait, so
 * that one campaign of one customer is not a whole warmup; where nobody else waits it may have everything.
 */
import { isSated } from '../../policy/tenant-share.ts';

export class TenantShares {
  readonly #share: number;
  #window = Number.NaN;
  #total = 0;
  readonly #used = new Map<string, number>();

  /** `share`: the largest part one tenant has while others wait, 0 to 1. */
  constructor(share: number) {
    this.#share = share;
  }

  /** Counts one unit of a window; a new window forgets the last. */
  use(tenant: string, window: number): void {
    if (window !== this.#window) {
      this.#window = window;
      this.#total = 0;
      this.#used.clear();
    }
    this.#total += 1;
    this.#used.set(tenant, (this.#used.get(tenant) ?? 0) + 1);
  }

  /** Would one more unit put this tenant above its share? */
  sated(tenant: string): boolean {
    return isSated({ used: this.#used.get(tenant) ?? 0, total: this.#total }, this.#share);
  }

  /** Every tenant that is above its share. */
  get all(): readonly string[] {
    return [...this.#used.keys()].filter((tenant) => this.sated(tenant));
  }
}
