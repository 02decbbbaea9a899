/**
 * Mail that belongs to an address since it was deferred there: which lanes may have some due, and how far each stream of
 * it was read. A guess, like the flows' (flows.ts): a look begins everywhere at the start again.
 */
import { type Cursor, START } from '../../store/claims.ts';

export type KeptCursors = Readonly<Record<'transactional' | 'marketing', Cursor>>;

const FROM_START: KeptCursors = { transactional: START, marketing: START };

export class KeptMail {
  readonly #after = new Map<string, KeptCursors>();
  /** Addresses that may have retries due, with the time (ms) since when. */
  readonly #ready = new Map<string, number>();

  mayHave(address: string): boolean {
    return this.#ready.has(address);
  }

  /** For how long, ms, an address may have had retries due; Infinity: it has none. */
  readyFor(address: string, now: number): number {
    return now - (this.#ready.get(address) ?? Number.NEGATIVE_INFINITY);
  }

  after(address: string): KeptCursors {
    return this.#after.get(address) ?? FROM_START;
  }

  /** Retries may be due on these. */
  due(addresses: Iterable<string>, now: number): void {
    for (const address of addresses) if (!this.#ready.has(address)) this.#ready.set(address, now);
  }

  /** Everything is read from its start again. */
  restart(): void {
    this.#after.clear();
  }

  /** A row was claimed: the next claim goes on after it. */
  claimed(row: { readonly address: string | null; readonly stream: string; readonly position: Cursor }): void {
    const address = row.address ?? '';
    const stream = row.stream === 'transactional' ? 'transactional' : 'marketing';
    this.#after.set(address, { ...this.after(address), [stream]: row.position });
  }

  /** A claim found nothing of it. */
  empty(address: string): void {
    this.#ready.delete(address);
  }

  /** A row of it was handed back. */
  returned(address: string | null, now: number): void {
    this.#after.delete(address ?? '');
    this.due([address ?? ''], now);
  }
}
