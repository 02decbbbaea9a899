import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import amqp from 'amqplib';
import { type AmqpSettings, AmqpSink } from '../../events/amqp.ts';
import { type CloudEvent, testEvent } from '../../events/envelope.ts';
import type { SinkSettings } from '../../events/open.ts';
import { sinkRows } from '../../store/event-sinks.ts';
import { startDatabases } from '../mta/databases.ts';
import { startRabbitMq } from './rabbitmq.ts';
import { attempts, deliveries, endpoint, forward, freshStore, recipients, until, webhook } from './world.ts';

const databases = await startDatabases();
after(() => databases.stop());
const broker = await startRabbitMq();
after(() => broker.stop());

function sink(exchange: string, over: Partial<SinkSettings> = {}): SinkSettings {
  return {
    ...{ kind: 'amqp', name: exchange, url: broker.url, exchange, unroutable: 'retry', timeoutMs: 5_000, batch: 100 },
    ...{ filter: {}, ...over },
  } as SinkSettings;
}

/** A durable queue bound to the exchange; as an operator sets it up, before or after the sink. */
async function bind(exchange: string, queue: string, pattern: string): Promise<void> {
  const connection = await amqp.connect(broker.url);
  const channel = await connection.createChannel();
  await channel.assertExchange(exchange, 'topic', { durable: true });
  await channel.assertQueue(queue, { durable: true });
  await channel.bindQueue(queue, exchange, pattern);
  await connection.close();
}

interface Taken {
  readonly event: CloudEvent;
  readonly message: amqp.ConsumeMessage;
}

/** Takes everything out of a queue. */
async function drain(queue: string): Promise<Taken[]> {
  const connection = await amqp.connect(broker.url);
  const channel = await connection.createChannel();
  const { messageCount } = await channel.checkQueue(queue);
  const taken: Taken[] = [];
  await channel.consume(
    queue,
    (message) => {
      if (message !== null) taken.push({ event: JSON.parse(message.content.toString('utf8')), message });
    },
    { noAck: true },
  );
  await until(`${messageCount} messages of ${queue}`, () => taken.length >= messageCount);
  await connection.close();
  return taken;
}

test('events come as persistent messages under their kind and provider', async (context) => {
  const store = await freshStore(context, databases);
  await bind('one', 'one.all', '#');
  await bind('one', 'one.bounces', 'message.bounced.*');
  await forward(context, store, [sink('one')]);
  await attempts(store, [{ recipient: 1 }, { recipient: 2, severity: 'hard' }]);
  await until('both are confirmed', async () => (await sinkRows(store))[0]?.confirmed === 2);
  const all = await drain('one.all');
  assert.deepEqual(
    all.map(({ message }) => message.fields.routingKey),
    ['message.delivered.google', 'message.bounced.google'],
  );
  const { properties } = all[0]?.message ?? assert.fail();
  assert.deepEqual(
    [properties.deliveryMode, properties.contentType, properties.messageId, properties.type],
    [2, 'application/cloudevents+json', all[0]?.event.id, 'rampart.message.delivered'],
  );
  assert.deepEqual(recipients((await drain('one.bounces')).map(({ event }) => event)), [2]);
});

test('an event no queue is bound for waits until one is; what did fit is not sent twice', async (context) => {
  const store = await freshStore(context, databases);
  await bind('two', 'two.delivered', 'message.delivered.#');
  await forward(context, store, [sink('two')]);
  await attempts(store, [{ recipient: 1 }, { recipient: 2, severity: 'hard' }, { recipient: 3 }]);
  await until('it is said', async () => ((await sinkRows(store))[0]?.lastError ?? '').includes('events fit no queue'));
  await new Promise((done) => setTimeout(done, 300));
  await bind('two', 'two.bounced', 'message.bounced.#');
  await until('it is confirmed', async () => (await sinkRows(store))[0]?.confirmed === 3);
  assert.deepEqual(recipients((await drain('two.bounced')).map(({ event }) => event)), [2]);
  assert.deepEqual(recipients((await drain('two.delivered')).map(({ event }) => event)), [1, 3]);
});

test("with `unroutable: 'drop'` they are the broker's to drop", async (context) => {
  const store = await freshStore(context, databases);
  await forward(context, store, [sink('three', { unroutable: 'drop' } as Partial<SinkSettings>)]);
  await attempts(store, deliveries(1, 3));
  await until('they are confirmed', async () => (await sinkRows(store))[0]?.confirmed === 3);
});

test('over TLS: not to a broker nobody vouches for, with its certificate in `ca` to it', async () => {
  const { signal } = new AbortController();
  const event = testEvent('tls', 'urn:uuid:x', '1', Date.now());
  const to = (over: Partial<AmqpSettings>) =>
    new AmqpSink({ ...(sink('tls', { unroutable: 'drop' } as Partial<SinkSettings>) as AmqpSettings), ...over });
  const stranger = to({ url: broker.tls.url });
  assert.match((await stranger.send([event], signal)).problem?.says ?? '', /self.signed/i);
  const known = to({ url: broker.tls.url, ca: broker.tls.cert });
  assert.equal((await known.send([event], signal)).problem, null);
  await Promise.all([stranger.close(), known.close()]);
});

test('the broker is killed and comes back in mid-stream: nothing is lost, and others go on meanwhile', async (context) => {
  const store = await freshStore(context, databases);
  await bind('four', 'four.all', '#');
  const hook = await endpoint(context);
  await forward(context, store, [sink('four', { batch: 20 }), webhook('hook', hook.url)]);
  await attempts(store, deliveries(1, 1_000));
  await until('some are confirmed', async () => ((await sinkRows(store))[0]?.confirmed ?? 0) >= 100);
  broker.kill();
  await attempts(store, deliveries(1_001, 500));
  await until('the webhook has all', () => hook.taken.length === 1_500);
  await until('the sink is known to fail', async () => (await sinkRows(store))[0]?.failingSince !== null);
  await broker.start();
  await until('all are confirmed', async () => (await sinkRows(store))[0]?.backlog === 0, 60_000);
  const got = recipients((await drain('four.all')).map(({ event }) => event));
  assert.equal(new Set(got).size, 1_500);
  context.diagnostic(`${got.length - 1_500} of 1500 came twice`);
  assert.ok(
    got.length - 1_500 <= 100,
    `${got.length - 1_500} duplicates: more than the batches that were on their way`,
  );
  const firsts = [...new Set(got)];
  assert.deepEqual(
    firsts,
    firsts.toSorted((a, b) => a - b),
    'first copies come in order',
  );
});
