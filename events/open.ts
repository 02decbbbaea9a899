/** A sink from its settings. */

import type { EventFilter } from '../policy/event-kinds.ts';
import { type AmqpSettings, AmqpSink } from './amqp.ts';
import { type KafkaSettings, KafkaSink } from './kafka.ts';
import type { Sink } from './sink.ts';
import { type WebhookSettings, WebhookSink } from './webhook/sink.ts';

/** Where events go, and which. */
export type SinkSettings = (WebhookSettings | AmqpSettings | KafkaSettings) & { readonly filter: EventFilter };

/** Opens nothing yet: connections are made when there is something to send. */
export function openSink(settings: SinkSettings, now: () => number): Sink {
  switch (settings.kind) {
    case 'webhook':
      return new WebhookSink(settings, now);
    case 'amqp':
      return new AmqpSink(settings);
    case 'kafka':
      return new KafkaSink(settings);
  }
}
