/** Worker threads that do jobs. Results come back in the order of the pieces, so that a run is the same with any number of threads. */
import { Worker } from 'node:worker_threads';
import type { JobName, Jobs, Seeds } from './jobs.ts';

interface Waiting {
  readonly message: unknown;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class Threads {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  readonly #queue: Waiting[] = [];
  readonly #busy = new Map<Worker, Waiting>();

  constructor(count: number) {
    for (let i = 0; i < count; i++) {
      const worker = new Worker(new URL('./thread.ts', import.meta.url));
      worker.on('message', (value) => this.#answered(worker, value));
      worker.on('error', (error) => this.#failed(worker, error as Error));
      this.#all.push(worker);
      this.#idle.push(worker);
    }
  }

  /** Does a job over `seeds` in pieces of `size`; the results of the pieces, in order. */
  run<K extends JobName>(
    name: K,
    input: Omit<Jobs[K]['in'], 'from' | 'to'>,
    seeds: number,
    size = 50,
  ): Promise<Jobs[K]['out'][]> {
    const pieces: Promise<Jobs[K]['out']>[] = [];
    for (let from = 0; from < seeds; from += size) {
      const piece: Pick<Seeds, 'from' | 'to'> = { from, to: Math.min(seeds, from + size) };
      pieces.push(
        new Promise((resolve, reject) => {
          this.#queue.push({
            message: { name, input: { ...input, ...piece } },
            resolve: resolve as (value: unknown) => void,
            reject,
          });
        }),
      );
    }
    this.#next();
    return Promise.all(pieces);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.splice(0).map((worker) => worker.terminate()));
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const worker = this.#idle.pop() as Worker;
      const waiting = this.#queue.shift() as Waiting;
      this.#busy.set(worker, waiting);
      worker.postMessage(waiting.message);
    }
  }

  #answered(worker: Worker, value: unknown): void {
    this.#busy.get(worker)?.resolve(value);
    this.#busy.delete(worker);
    this.#idle.push(worker);
    this.#next();
  }

  #failed(worker: Worker, error: Error): void {
    this.#busy.get(worker)?.reject(error);
    this.#busy.delete(worker);
    for (const waiting of this.#queue.splice(0)) waiting.reject(error);
  }
}
