/** Open connections that are kept while there is mail for them; the ones nobody uses wait in the order they came back. */
import * as clock from '../clock.ts';
import type { EgressConnection } from './connection.ts';

const IDLE_MS = 5_000;
/**
 * A transaction that lasts longer is cut. Each silence has its own end (the socket's), but a remote that sends a byte now and
 * then is never silent. RFC 5321 §4.5.3.2 adds up to less, and 25 MB need 20 KB a second.
 */
export const LONGEST_MS = 1_200_000;

export class KeptConnections {
  readonly #most: () => number;
  readonly #all = new Set<EgressConnection>();
  readonly #idle: EgressConnection[] = [];

  /** `most`: messages one connection may carry. */
  constructor(most: () => number) {
    this.#most = most;
  }

  /** Connections nobody uses now, the one that came back last at the end. */
  get idle(): readonly EgressConnection[] {
    return this.#idle;
  }

  /** Counts a new connection in, which is in use. */
  add(connection: EgressConnection): void {
    this.#all.add(connection);
  }

  /** Takes an idle one into use. */
  take(connection: EgressConnection): void {
    this.#idle.splice(this.#idle.indexOf(connection), 1);
  }

  /** A use is over: it waits for the next, unless it is closed or has carried all it may. */
  keep(connection: EgressConnection): void {
    if (!connection.open || connection.used >= this.#most()) {
      this.drop(connection);
      return;
    }
    connection.idleSince = clock.now();
    this.#idle.push(connection);
  }

  drop(connection: EgressConnection): void {
    this.#all.delete(connection);
    connection.quit();
  }

  closeIdle(now: number): void {
    for (const connection of this.#all)
      if (connection.open && performance.now() - connection.busySince > LONGEST_MS && !this.#idle.includes(connection))
        connection.close();
    for (const connection of this.#idle.filter((idle) => now - idle.idleSince > IDLE_MS || !idle.open)) {
      this.take(connection);
      this.drop(connection);
    }
  }

  /** Ends all. One in use is cut: QUIT in the midst of a message would be a line of it. */
  close(): void {
    for (const connection of this.#all) {
      if (this.#idle.includes(connection)) connection.quit();
      else connection.close();
    }
    this.#idle.length = 0;
    this.#all.clear();
  }
}
