/** Counts marketing that came without one-click unsubscribe, and says so in the log once in a while, not per message. */
export class OneClickCount {
  readonly #counts = new Map<string, number>();
  readonly #log: (event: string, fields: Record<string, unknown>) => void;

  constructor(log: (event: string, fields: Record<string, unknown>) => void) {
    this.#log = log;
  }

  add(user: string): void {
    this.#counts.set(user, (this.#counts.get(user) ?? 0) + 1);
  }

  /** Logs what came since the last time, if anything did. */
  report(): void {
    if (this.#counts.size === 0) return;
    this.#log('marketing-without-one-click', {
      messages: Object.fromEntries(this.#counts),
      effect: 'kept off cold lanes',
      missing: 'List-Unsubscribe with an https address, and List-Unsubscribe-Post (RFC 8058)',
    });
    this.#counts.clear();
  }
}
