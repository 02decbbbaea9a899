/**
 * After a rollback, the mail that waits in the new arm goes back: at once what was never attempted, at the pace the old arm
 * can take (policy/cutover/release.ts). Every MTA process does it whenever a split's revision changed, so that nothing else
 * has to run; row locks keep two of them apart. What a process had in hand comes by way of its claims, which mark it and
 * wake this; mail that a process accepted under the revision before is found by looking twice more. A later order may change
 * the pace: what went back and still waits then gets other instants.
 */
import { DAY_MS } from '../../policy/calendar.ts';
import { planRelease, type Release, releaseTimes } from '../../policy/cutover/release.ts';
import { lineAt } from '../../policy/cutover/split.ts';
import type { Store } from '../../store/connect.ts';
import {
  type FrontMail,
  placeMail,
  type ReleaseFacts,
  type ReleaseOf,
  returnMail,
  waitingIn,
} from '../../store/split-moves.ts';
import { otherPaces, repace } from '../../store/split-paces.ts';
import type { SplitRow } from '../../store/splits.ts';
import type { Arms, Place } from './arms.ts';

export interface MoverParts {
  readonly store: Store;
  readonly arms: Arms;
  readonly splits: () => ReadonlyMap<string, SplitRow>;
  /** Real ms of so many plan ms in this pool. */
  readonly planMs: (pool: string, ms: number) => number;
  /** Monotonic ms. */
  readonly clock: () => number;
  /** Mail was moved: its dispatchers may look. */
  readonly moved: () => void;
  readonly stopped: () => boolean;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

const PAGE = 500;
/** After a change; the later looks are for what others accepted before they knew of it (their leases last 3 s). */
const LOOKS_MS = [0, 2_000, 6_000];

interface Looks {
  readonly revision: number;
  /** When to look, monotonic ms, soonest first. */
  readonly at: number[];
}

export class ArmMover {
  readonly #parts: MoverParts;
  readonly #looks = new Map<string, Looks>();
  #woken = false;

  constructor(parts: MoverParts) {
    this.#parts = parts;
  }

  /** Mail was put aside that goes back. */
  wake(): void {
    this.#woken = true;
  }

  /** Looks where a revision changed or mail was put aside. Returns how many recipients it moved. */
  async step(): Promise<number> {
    const woken = this.#woken;
    this.#woken = false;
    let moved = 0;
    for (const split of this.#parts.splits().values()) {
      if (!this.#due(split) && !woken) continue;
      // First: what follows is planned behind it.
      moved += await this.#repace(split);
      moved += await this.#sweep(split);
    }
    return moved;
  }

  #due({ front, revision }: SplitRow): boolean {
    const now = this.#parts.clock();
    let looks = this.#looks.get(front);
    if (looks?.revision !== revision) {
      looks = { revision, at: LOOKS_MS.map((ms) => now + ms) };
      this.#looks.set(front, looks);
    }
    const [next] = looks.at;
    if (next === undefined || next > now) return false;
    looks.at.shift();
    return true;
  }

  async #sweep(split: SplitRow): Promise<number> {
    let moved = 0;
    for (let after = 0; !this.#parts.stopped(); ) {
      const rows = await waitingIn(this.#parts.store, split.front, split.newArm, after, PAGE);
      const page = await this.#moveAll(split, rows);
      moved += page;
      if (page > 0) this.#parts.moved();
      const last = rows.at(-1);
      if (rows.length < PAGE || last === undefined) break;
      after = last.id;
    }
    if (moved > 0)
      this.#parts.log('mail-went-back', { front: split.front, recipients: moved, revision: split.revision });
    return moved;
  }

  async #moveAll(split: SplitRow, rows: readonly FrontMail[]): Promise<number> {
    const { store, arms } = this.#parts;
    const found = rows.flatMap((row) => {
      const place = arms.elsewhere(row);
      return place === null ? [] : [{ row, place }];
    });
    const placing = ({ row, place }: (typeof found)[number]) => ({
      ...place,
      id: row.id,
      outside: row.outside ?? place.outside,
      why: place.returns ? `went back to ${place.pool}` : null,
    });
    // Transactional mail never waits for a pace.
    const paced = found.filter(({ row, place }) => place.returns && row.stream !== 'transactional');
    const others = found.filter((one) => !paced.includes(one)).map((one) => ({ ...placing(one), due: null }));
    let moved = await placeMail(store, null, others);
    for (const [provider, of] of Map.groupBy(paced, ({ place }) => place.mailboxProvider ?? UNKNOWN))
      moved += await this.#return(split, provider, of.map(placing));
    return moved;
  }

  async #repace(split: SplitRow): Promise<number> {
    const { store, log } = this.#parts;
    let moved = 0;
    for (const provider of await otherPaces(store, split.front, split.moves))
      moved += await repace(store, this.#release(split, provider), (facts) => this.#planned(split, provider, facts));
    if (moved === 0) return 0;
    this.#parts.moved();
    log('mail-goes-back-at-another-pace', { front: split.front, recipients: moved, revision: split.revision });
    return moved;
  }

  #return(
    split: SplitRow,
    provider: string,
    rows: readonly (Omit<Place, 'returns'> & { id: number; why: string | null })[],
  ) {
    return returnMail(this.#parts.store, this.#release(split, provider), rows, {
      plan: (facts, now, nextAt) => ({
        ...this.#planned(split, provider, facts),
        nextAt: Math.max(now, nextAt),
      }),
      times: releaseTimes,
    });
  }

  #release(split: SplitRow, provider: string): ReleaseOf {
    return {
      ...split,
      provider,
      dayMs: this.#parts.planMs(split.newArm, DAY_MS),
      line: lineAt(split, 'marketing', provider),
      attempted: split.moves.attempted === 'move',
    };
  }

  #planned(split: SplitRow, provider: string, facts: ReleaseFacts): Release {
    const { planMs } = this.#parts;
    const { perDay = {}, spreadMs = DAY_MS } = split.moves;
    return planRelease({
      ...facts,
      perDay: perDay[provider] ?? perDay['*'],
      dayMs: planMs(split.newArm, DAY_MS),
      spreadMs: planMs(split.newArm, spreadMs),
    });
  }
}

const UNKNOWN = 'unknown';
