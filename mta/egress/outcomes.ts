/** Commits outcomes in groups. A connection's next message waits for it: at most one message in doubt per connection. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../store/connect.ts';
import { commitOutcomes, type Outcome, type OutcomeScale } from '../../store/queue.ts';

interface Waiting {
  readonly outcome: Outcome;
  readonly done: () => void;
}

const GROUP = 200;
const LINGER_MS = 5;

export class OutcomeCommitter {
  readonly #store: Store;
  readonly #process: string;
  readonly #scale: () => OutcomeScale;
  readonly #log: (event: string, fields?: Record<string, unknown>) => void;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(
    store: Store,
    process: string,
    scale: () => OutcomeScale,
    log: (event: string, fields?: Record<string, unknown>) => void,
  ) {
    this.#store = store;
    this.#process = process;
    this.#scale = scale;
    this.#log = log;
  }

  /** Resolves when the outcome is durable; a store that is gone is waited for. */
  commit(outcome: Outcome): Promise<void> {
    return new Promise((done) => {
      this.#waiting.push({ outcome, done });
      this.#running ??= this.#run();
    });
  }

  async drain(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    await sleep(LINGER_MS);
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, GROUP);
      for (;;) {
        try {
          await commitOutcomes(
            this.#store,
            group.map((waiting) => waiting.outcome),
            this.#process,
            this.#scale(),
          );
          break;
        } catch (error) {
          this.#log('outcomes-not-committed', { waiting: group.length, error: (error as Error).message });
          if (group.length > 1 && isAboutData(error)) {
            // One of them can not be stored: it must not hold up what the others did.
            this.#waiting.unshift(...group.splice(1));
          } else await sleep(250);
        }
      }
      for (const waiting of group) waiting.done();
    }
    // In the same turn as the last look: what comes later must find that nobody runs.
    this.#running = undefined;
  }
}

/** SQLSTATE classes 22 (data exception) and 23 (integrity constraint): the same statement will fail again. */
function isAboutData(error: unknown): boolean {
  return /^2[23]/.test((error as { code?: string }).code ?? '');
}
