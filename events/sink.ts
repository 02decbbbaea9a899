/** What a sink is to those who send to it: a webhook, an AMQP exchange or a Kafka topic look the same from here. */
import type { ProblemKind } from '../policy/event-retries.ts';
import type { RampartEvent } from './envelope.ts';

export interface SinkProblem {
  readonly kind: ProblemKind;
  /** In words, for status pages and dead letters. */
  readonly says: string;
  /** How long the sink asked to be left alone, ms. */
  readonly retryAfterMs?: number;
}

export interface SendReport {
  /** Ids of the events the sink has for good. */
  readonly confirmed: ReadonlySet<string>;
  /** Why it does not have the others; null: it has all. */
  readonly problem: SinkProblem | null;
}

export interface Sink {
  readonly name: string;
  readonly kind: 'webhook' | 'amqp' | 'kafka';
  /** Most events of one `send`. */
  readonly batch: number;
  /** How long a batch that is not full waits for more, ms. */
  readonly lingerMs: number;
  /** Sends events in their order. Never rejects; `signal` cuts it short. */
  send(events: readonly RampartEvent[], signal: AbortSignal): Promise<SendReport>;
  close(): Promise<void>;
}

const NOTHING: ReadonlySet<string> = new Set();

export function allOf(events: readonly RampartEvent[]): SendReport {
  return { confirmed: new Set(events.map((event) => event.envelope.id)), problem: null };
}

export function noneOf(problem: SinkProblem): SendReport {
  return { confirmed: NOTHING, problem };
}

/** `what happened (ECODE)`: network errors often carry their meaning in the code alone. */
export function errorText(error: unknown): string {
  const { message, code, errors } = error as NodeJS.ErrnoException & { errors?: readonly unknown[] };
  if (!message && errors?.length) return errorText(errors[0]);
  return code && !message?.includes(code) ? `${message || 'failed'} (${code})` : message || String(error);
}
