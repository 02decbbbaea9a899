/**
 * An AMQP 0.9.1 exchange (RabbitMQ): persistent messages on a confirm channel, one routing key a kind and provider. An
 * event that no queue is bound for comes back (`mandatory`) and is tried again like one that could not be delivered: a
 * missing binding is a mistake that somebody will mend, and by then the events must still be there.
 */
import amqp, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import type { RampartEvent } from './envelope.ts';
import { bounded, trusting } from './patience.ts';
import { allOf, errorText, noneOf, type SendReport, type Sink } from './sink.ts';

export interface AmqpSettings {
  readonly kind: 'amqp';
  readonly name: string;
  /** amqp:// or amqps://, with user and password. */
  readonly url: string;
  /** A topic exchange; made, durable, if it is not there. */
  readonly exchange: string;
  /** What becomes of events no queue is bound for: kept and tried again, or dropped by the broker. */
  readonly unroutable: 'retry' | 'drop';
  readonly ca?: string;
  /** For the connection, and for the confirms of a batch, ms. */
  readonly timeoutMs: number;
  readonly batch: number;
}

const LINGER_MS = 100;
/** Seconds; the broker is gone after two without a frame. */
const HEARTBEAT_S = 10;

interface Open {
  readonly model: ChannelModel;
  readonly channel: ConfirmChannel;
  /** Ids of events that came back since the batch began. */
  readonly returned: Set<string>;
  /** Rejects when the connection or channel ends. */
  readonly ended: Promise<never>;
}

export class AmqpSink implements Sink {
  readonly kind = 'amqp';
  readonly lingerMs = LINGER_MS;
  readonly name: string;
  readonly batch: number;
  readonly #settings: AmqpSettings;
  #open: Open | undefined;

  constructor(settings: AmqpSettings) {
    this.#settings = settings;
    this.name = settings.name;
    this.batch = settings.batch;
  }

  async send(events: readonly RampartEvent[], signal: AbortSignal): Promise<SendReport> {
    const confirmed = new Set<string>();
    try {
      this.#open ??= await this.#connect();
      const open = this.#open;
      open.returned.clear();
      await bounded(this.#publish(open, events, confirmed), {
        ms: this.#settings.timeoutMs,
        signal,
        late: 'the broker did not confirm',
        ended: open.ended,
      });
    } catch (error) {
      await this.close();
      // What was confirmed before the connection broke is confirmed.
      return { confirmed, problem: { kind: 'retry', says: errorText(error) } };
    }
    const lost = events.filter((event) => !confirmed.has(event.envelope.id));
    if (lost.length === 0) return allOf(events);
    const [first] = lost;
    const says = `${lost.length} of ${events.length} events fit no queue: bind one to exchange ${this.#settings.exchange} for ${first && routingKey(first)}`;
    return confirmed.size === 0 ? noneOf({ kind: 'retry', says }) : { confirmed, problem: { kind: 'retry', says } };
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    // A connection that does not answer must not keep anybody waiting.
    await Promise.race([open?.model.close().catch(() => {}), new Promise((done) => setTimeout(done, 1_000).unref())]);
  }

  async #connect(): Promise<Open> {
    const { url, exchange, timeoutMs, ca } = this.#settings;
    const address = new URL(url);
    if (!address.searchParams.has('heartbeat')) address.searchParams.set('heartbeat', String(HEARTBEAT_S));
    const model = await amqp.connect(address.href, {
      timeout: timeoutMs,
      noDelay: true,
      clientProperties: { connection_name: `rampart-events-${this.name}` },
      ...trusting(ca),
    });
    const ended = new Promise<never>((_, reject) => {
      model.on('error', reject);
      model.on('close', () => reject(new Error('the broker closed the connection')));
    });
    ended.catch(() => {});
    try {
      const channel = await model.createConfirmChannel();
      channel.on('error', () => void model.close().catch(() => {}));
      await channel.assertExchange(exchange, 'topic', { durable: true });
      const returned = new Set<string>();
      channel.on('return', (message) => returned.add(String(message.properties.messageId)));
      const open = { model, channel, returned, ended };
      // Gone while nothing is sent: the next batch connects anew.
      ended.catch(() => {
        if (this.#open === open) this.#open = undefined;
      });
      return open;
    } catch (error) {
      await model.close().catch(() => {});
      throw error;
    }
  }

  async #publish(open: Open, events: readonly RampartEvent[], confirmed: Set<string>): Promise<void> {
    const { exchange, unroutable } = this.#settings;
    const answers: Promise<void>[] = [];
    for (const event of events) {
      const { envelope } = event;
      let room = true;
      const answer = new Promise<void>((resolve, reject) => {
        room = open.channel.publish(
          exchange,
          routingKey(event),
          Buffer.from(JSON.stringify(envelope)),
          {
            persistent: true,
            mandatory: unroutable === 'retry',
            messageId: envelope.id,
            type: envelope.type,
            appId: 'rampart',
            contentType: 'application/cloudevents+json',
            timestamp: Math.floor(Date.parse(envelope.time) / 1_000),
          },
          (error: unknown) => {
            if (error) return reject(error instanceof Error ? error : new Error('the broker refused an event (nack)'));
            // The broker sends a return before its confirm (AMQP 0-9-1, RabbitMQ "Publisher confirms").
            if (!open.returned.has(envelope.id)) confirmed.add(envelope.id);
            resolve();
          },
        );
      });
      answer.catch(() => {});
      answers.push(answer);
      if (!room) await Promise.race([new Promise<void>((done) => open.channel.once('drain', done)), open.ended]);
    }
    await Promise.all(answers);
  }
}

/** `message.delivered.google`; events about no provider end with their kind. */
function routingKey({ kind, provider }: RampartEvent): string {
  return provider === null ? kind : `${kind}.${provider}`;
}
