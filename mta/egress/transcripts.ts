/**
 * Writes SMTP conversations down for people who asked to read them: commands and replies, never a message's text, never a
 * password. It may lose lines when the store is away; mail never waits for it.
 */
import type { Store } from '../../store/connect.ts';
import { addTraceLines, type Trace, type TraceLine } from '../../store/traces.ts';
import * as clock from '../clock.ts';

/** Takes one line of a conversation. */
export type Tracer = (who: TraceLine['who'], line: string) => void;

const MOST_WAITING = 5_000;
const LONGEST = 2_000;

export class Transcripts {
  readonly #store: Store;
  readonly #process: string;
  readonly #traces: () => readonly Trace[];
  readonly #log: (event: string, fields?: Record<string, unknown>) => void;
  #waiting: (TraceLine & { trace: number })[] = [];
  readonly #begun = new Map<number, number>();
  #sessions = 0;

  constructor(
    store: Store,
    process: string,
    traces: () => readonly Trace[],
    log: (event: string, fields?: Record<string, unknown>) => void,
  ) {
    this.#store = store;
    this.#process = process;
    this.#traces = traces;
    this.#log = log;
  }

  /** Does somebody want to read conversations of this lane? Kept connections that nobody wrote down are not used then. */
  wants(lane: { readonly provider: string; readonly address: string }): boolean {
    return this.#traces().some((trace) => covers(trace, lane) && this.#left(trace));
  }

  /** What writes a new conversation down; undefined: nobody asked, or they have as many as they asked for. */
  begin(
    lane: { readonly provider: string; readonly address: string },
    to: { readonly host: string; readonly ip: string },
  ): Tracer | undefined {
    const traces = this.#traces().filter(
      (trace) => covers(trace, lane) && this.#left(trace) && (!trace.host || to.host.includes(trace.host)),
    );
    if (traces.length === 0) return undefined;
    for (const { id } of traces) this.#begun.set(id, (this.#begun.get(id) ?? 0) + 1);
    this.#sessions += 1;
    const session = `${this.#process.split('/')[1]}-${this.#sessions}`;
    const write: Tracer = (who, text) => {
      if (this.#waiting.length > MOST_WAITING) return;
      for (const line of text.slice(0, LONGEST).split(/\r?\n/)) {
        for (const { id } of traces) this.#waiting.push({ trace: id, session, at: clock.now(), who, line });
      }
    };
    write('note', `${lane.address} to ${to.host} [${to.ip}], ${lane.provider}`);
    return write;
  }

  /** Brings what was written to the store. */
  async flush(): Promise<void> {
    const running = new Set(this.#traces().map((trace) => trace.id));
    for (const id of this.#begun.keys()) if (!running.has(id)) this.#begun.delete(id);
    if (this.#waiting.length === 0) return;
    const lines = this.#waiting;
    this.#waiting = [];
    await addTraceLines(this.#store, lines).catch((error: Error) =>
      this.#log('transcript-lost', { lines: lines.length, error: error.message }),
    );
  }

  #left({ id, sessions }: Trace): boolean {
    return (this.#begun.get(id) ?? 0) < sessions;
  }
}

function covers(trace: Trace, lane: { readonly provider: string; readonly address: string }): boolean {
  return (
    (trace.provider == null || trace.provider === lane.provider) &&
    (trace.address == null || trace.address === lane.address)
  );
}
