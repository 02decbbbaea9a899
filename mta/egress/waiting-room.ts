/** Clients whose mail waits for a place on a lane for a moment, before it is committed; let in as places come free. */

export class WaitingRoom {
  readonly #waiters: (() => void)[] = [];

  get empty(): boolean {
    return this.#waiters.length === 0;
  }

  /** Resolves when there may be room, or after `ms`. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Lets in so many, the first that came first. */
  letIn(places: number): void {
    for (const waiter of this.#waiters.splice(0, places)) waiter();
  }
}
