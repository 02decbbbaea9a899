/** Chooses the arm of mail whose provider was not known when it was accepted. */
import type { Store } from '../../store/connect.ts';
import { UPSTREAM } from '../../store/pools.ts';
import { placeMail, unroutedOf } from '../../store/split-moves.ts';
import type { FrontRouting } from '../routing/router.ts';
import type { Arms } from './arms.ts';

const PAGE = 500;

export class UnroutedArms implements FrontRouting {
  readonly #store: Store;
  readonly #arms: Arms;

  constructor(store: Store, arms: Arms) {
    this.#store = store;
    this.#arms = arms;
  }

  get fronts(): readonly string[] {
    return this.#arms.fronts;
  }

  /** See FrontRouting. `upstreams`: places only what another engine takes. */
  async route(domain: string, provider: string | null, only: 'all' | 'upstreams'): Promise<number> {
    let placed = 0;
    for (let after = 0; ; ) {
      const rows = await unroutedOf(this.#store, this.fronts, domain, after, PAGE);
      const places = rows.flatMap((row) => {
        const place = this.#arms.first(row, provider);
        const taken = place !== null && (only === 'all' || place.provider === UPSTREAM);
        return taken ? [{ ...place, id: row.id, due: null, why: null }] : [];
      });
      placed += await placeMail(this.#store, null, places);
      const last = rows.at(-1);
      if (rows.length < PAGE || last === undefined) return placed;
      after = last.id;
    }
  }
}
