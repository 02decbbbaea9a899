/**
 * Messages an engine is not done with. A log of the syslog kind names the Message-ID once and the engine's own id in all
 * later lines, for days where a message is deferred.
 */
import type { Memory, OpenMessage } from './event.ts';

/** An engine with more than this in its queue loses the oldest: their later lines stay without a Message-ID. */
const MOST = 2_000_000;

export class OpenMessages implements Memory {
  readonly #known = new Map<string, OpenMessage>();
  readonly #opened = new Map<string, OpenMessage>();
  readonly #closed = new Set<string>();

  open(messages: Iterable<OpenMessage>): void {
    for (const message of messages) this.#known.set(message.engineId, message);
  }

  came(message: OpenMessage): void {
    this.#known.set(message.engineId, message);
    this.#opened.set(message.engineId, message);
    this.#closed.delete(message.engineId);
    if (this.#known.size <= MOST) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.went(oldest);
  }

  went(engineId: string): void {
    if (!this.#known.delete(engineId)) return;
    // Came and went between two looks, as most do: nobody has to hear of it.
    if (!this.#opened.delete(engineId)) this.#closed.add(engineId);
  }

  messageId(engineId: string): string | null {
    return this.#known.get(engineId)?.messageId ?? null;
  }

  changes() {
    const changes = { opened: [...this.#opened.values()], closed: [...this.#closed] };
    this.#opened.clear();
    this.#closed.clear();
    return changes;
  }
}
