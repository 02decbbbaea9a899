/** Clients whose mail waits for a place on a lane for a moment, before it is committed; let in as places come free. */

export class WaitingRoom {
  readonly #waiters: (() => void)[] = [];

  get empty(): boolean {
    return this.#waiters.length === 0;
  }

  /** Resolves when there may be room, or after `ms`. `again`: was let in and found the place taken; waits in front. */
  wait(ms: number, again: boolean): Promise<void> {
    return new Promise((resolve) => {
      const letIn = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        // Who left is not let in: the place would be offered to nobody.
        this.#waiters.splice(this.#waiters.indexOf(letIn), 1);
        resolve();
      }, ms);
      if (again) this.#waiters.unshift(letIn);
      else this.#waiters.push(letIn);
    });
  }

  /** Lets in so many, the first that came first. */
  letIn(places: number): void {
    for (const letIn of this.#waiters.splice(0, places)) letIn();
  }
}
