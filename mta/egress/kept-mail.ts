/**
 * Mail that belongs to an address since it was deferred there: which lanes may have some due, and how far each stream of
 * it was read. A guess, like the flows' (flows.ts): a look begins everywhere at the start again.
 */
import { type Cursor, START } from '../../store/claims.ts';

export type KeptCursors = Readonly<Record<'transactional' | 'marketing', Cursor>>;

const FROM_START: KeptCursors = { transactional: START, marketing: START };

export class KeptMail {
  readonly #after = new Map<string, KeptCursors>();
  /** Addresses that may have retries due. */
  readonly #ready = new Set<string>();

  mayHave(address: string): boolean {
    return this.#ready.has(address);
  }

  after(address: string): KeptCursors {
    return this.#after.get(address) ?? FROM_START;
  }

  /** Retries may be due on these. */
  due(addresses: Iterable<string>): void {
    for (const address of addresses) this.#ready.add(address);
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
  returned(address: string | null): void {
    this.#after.delete(address ?? '');
    this.#ready.add(address ?? '');
  }
}
