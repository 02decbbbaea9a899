/**
 * A Kafka topic. Every in-sync replica has an event before it counts as sent (acks=all); the key is the event's subject,
 * so that one recipient's events keep their order. The producer is idempotent: its own repeats write nothing twice.
 */
import { ProduceAcks, Producer, type SASLOptions } from '@platformatic/kafka';
import type { RampartEvent } from './envelope.ts';
import { bounded, trusting } from './patience.ts';
import { allOf, errorText, noneOf, type SendReport, type Sink } from './sink.ts';

export interface KafkaSettings {
  readonly kind: 'kafka';
  readonly name: string;
  /** host:port of some brokers. */
  readonly brokers: readonly string[];
  readonly topic: string;
  /** True: TLS, verified with the system's certificates, or with `ca` (PEM). */
  readonly tls: boolean;
  readonly ca?: string;
  readonly sasl?: {
    readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
    readonly username: string;
    readonly password: string;
  };
  /** For a batch, ms. */
  readonly timeoutMs: number;
  readonly batch: number;
}

const LINGER_MS = 100;

type EventProducer = Producer<string, string, string, string>;

export class KafkaSink implements Sink {
  readonly kind = 'kafka';
  readonly lingerMs = LINGER_MS;
  readonly name: string;
  readonly batch: number;
  readonly #settings: KafkaSettings;
  #producer: EventProducer | undefined;

  constructor(settings: KafkaSettings) {
    this.#settings = settings;
    this.name = settings.name;
    this.batch = settings.batch;
  }

  async send(events: readonly RampartEvent[], signal: AbortSignal): Promise<SendReport> {
    this.#producer ??= this.#create();
    const { topic, timeoutMs } = this.#settings;
    const messages = events.map(({ key, envelope }) => ({
      topic,
      key,
      value: JSON.stringify(envelope),
      // CloudEvents, Kafka protocol binding §3.3: structured mode is told by the content type.
      headers: { 'content-type': 'application/cloudevents+json; charset=utf-8', ce_type: envelope.type },
    }));
    try {
      const sent = this.#producer.send({ messages, acks: ProduceAcks.ALL, idempotent: true });
      await bounded(sent, { ms: timeoutMs, signal, late: 'no acknowledgement' });
      return allOf(events);
    } catch (error) {
      // Its sequence numbers are in doubt now (KIP-98): a new producer starts new ones.
      await this.close();
      return noneOf({ kind: tooLarge(error) ? 'content' : 'retry', says: deepest(error) });
    }
  }

  async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await Promise.race([producer?.close().catch(() => {}), new Promise((done) => setTimeout(done, 1_000).unref())]);
  }

  #create(): EventProducer {
    const { name, brokers, tls, ca, sasl } = this.#settings;
    return new Producer({
      clientId: `rampart-events-${name}`,
      bootstrapBrokers: [...brokers],
      serializers: { key: bytes, value: bytes, headerKey: bytes, headerValue: bytes },
      // The retries are ours: they outlive this process, and are shown.
      retries: 1,
      retryDelay: 250,
      connectTimeout: 5_000,
      requestTimeout: 10_000,
      ...(tls ? { tls: trusting(ca) } : {}),
      ...(sasl === undefined ? {} : { sasl: sasl as SASLOptions }),
    }) as EventProducer;
  }
}

const bytes = (text?: string) => (text === undefined ? undefined : Buffer.from(text));

/** MESSAGE_TOO_LARGE (10) and RECORD_LIST_TOO_LARGE (18), however deep: a smaller batch may pass. */
function tooLarge(error: unknown): boolean {
  return causes(error).some((one) =>
    /MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE/.test(`${one.apiId ?? ''} ${one.message}`),
  );
}

function deepest(error: unknown): string {
  const all = causes(error);
  const [first, last] = [all[0], all.at(-1)];
  const text = first === last ? errorText(first) : `${first?.message}: ${errorText(last)}`;
  return text.replace(/\s+/g, ' ').slice(0, 300);
}

interface KafkaCause {
  readonly message: string;
  readonly apiId?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

function causes(error: unknown): KafkaCause[] {
  if (!(error instanceof Error)) return [];
  const { cause, errors } = error as KafkaCause;
  return [error as KafkaCause, ...(errors ?? []).flatMap(causes), ...causes(cause)];
}
