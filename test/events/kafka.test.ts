import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Admin, Consumer, type MessagesStream, stringDeserializers } from '@platformatic/kafka';
import { type CloudEvent, testEvent } from '../../events/envelope.ts';
import { type KafkaSettings, KafkaSink } from '../../events/kafka.ts';
import type { SinkSettings } from '../../events/open.ts';
import { deadLetters } from '../../store/event-dead-letters.ts';
import { sinkRows } from '../../store/event-sinks.ts';
import { startDatabases } from '../mta/databases.ts';
import { startKafka } from './kafka-broker.ts';
import { attempts, deliveries, forward, freshStore, recipients, until } from './world.ts';

const databases = await startDatabases();
after(() => databases.stop());
const broker = await startKafka();
after(() => broker.stop());

function sink(topic: string, over: Partial<SinkSettings> = {}): SinkSettings {
  return {
    ...{ kind: 'kafka', name: topic, brokers: [broker.address], topic, tls: false, timeoutMs: 10_000, batch: 100 },
    ...{ filter: {}, ...over },
  } as SinkSettings;
}

async function createTopic(topic: string, configs: { name: string; value: string }[] = []): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [broker.address] });
  await admin.createTopics({ topics: [topic], partitions: 4, replicas: 1, configs });
  await admin.close();
}

interface Taken {
  readonly key: string;
  readonly partition: number;
  readonly headers: Map<string, string>;
  readonly event: CloudEvent;
}

/** Reads a topic from its beginning until `enough`. */
async function read(topic: string, enough: (taken: readonly Taken[]) => boolean): Promise<Taken[]> {
  const consumer = new Consumer({
    clientId: 'test',
    groupId: `test-${topic}`,
    bootstrapBrokers: [broker.address],
    deserializers: stringDeserializers,
  });
  const stream: MessagesStream<string, string, string, string> = await consumer.consume({
    topics: [topic],
    mode: 'earliest',
    autocommit: false,
  });
  const taken: Taken[] = [];
  stream.on('data', ({ key, partition, headers, value }) => {
    taken.push({ key, partition, headers, event: JSON.parse(value) });
  });
  try {
    await until('the topic has them', () => enough(taken), 30_000);
    // And what else there may be.
    await new Promise((done) => setTimeout(done, 500));
  } finally {
    await consumer.close(true);
  }
  return taken;
}

test('events come under their recipient, and each recipient keeps to one partition', async (context) => {
  const store = await freshStore(context, databases);
  await createTopic('one');
  await forward(context, store, [sink('one')]);
  await attempts(
    store,
    Array.from({ length: 60 }, (_, n) => ({ recipient: (n % 20) + 1, number: Math.floor(n / 20) + 1 })),
  );
  const taken = await read('one', (all) => all.length === 60);
  assert.equal(taken.length, 60);
  assert.ok(new Set(taken.map((one) => one.partition)).size > 1);
  for (let recipient = 1; recipient <= 20; recipient++) {
    const of = taken.filter((one) => one.key === `recipient/${recipient}`);
    assert.equal(new Set(of.map((one) => one.partition)).size, 1);
    assert.deepEqual(
      of.map((one) => (one.event.data as { attempt: number }).attempt),
      [1, 2, 3],
    );
  }
  assert.equal(taken[0]?.headers.get('content-type'), 'application/cloudevents+json; charset=utf-8');
});

test('who logs in with the right password is let in, and no other', async () => {
  await createTopic('login');
  const { signal } = new AbortController();
  const event = testEvent('login', 'urn:uuid:x', '1', Date.now());
  const as = (password: string) => {
    const sasl = { mechanism: 'PLAIN', username: 'rampart', password } as const;
    return new KafkaSink({ ...(sink('login') as KafkaSettings), brokers: [broker.login], sasl });
  };
  const [right, wrong] = [as('secret'), as('guess')];
  assert.deepEqual((await right.send([event], signal)).problem, null);
  assert.match((await wrong.send([event], signal)).problem?.says ?? '', /authentication|SASL/i);
  await Promise.all([right.close(), wrong.close()]);
});

test('over TLS by SCRAM: not to a broker nobody vouches for, nor with a wrong password', async () => {
  await createTopic('secure');
  const { signal } = new AbortController();
  const event = testEvent('secure', 'urn:uuid:x', '1', Date.now());
  const says = async (over: Partial<KafkaSettings>) => {
    const own = new KafkaSink({ ...(sink('secure') as KafkaSettings), brokers: [broker.secure], tls: true, ...over });
    const { problem } = await own.send([event], signal);
    await own.close();
    return problem?.says ?? null;
  };
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    const sasl = { mechanism, username: 'rampart', password: 'secret' };
    assert.equal(await says({ sasl, ca: broker.ca }), null, mechanism);
    assert.match((await says({ sasl })) ?? '', /self-signed|certificate/i, mechanism);
    assert.match((await says({ sasl: { ...sasl, password: 'guess' }, ca: broker.ca })) ?? '', /authentication|SASL/i);
  }
  assert.equal((await read('secure', (all) => all.length === 2)).length, 2);
});

test('a topic that is not there is a failure that passes', async (context) => {
  const store = await freshStore(context, databases);
  await forward(context, store, [sink('two')]);
  await attempts(store, deliveries(1, 5));
  await until('it is said', async () => (await sinkRows(store))[0]?.failingSince !== null);
  assert.match((await sinkRows(store))[0]?.lastError ?? '', /topic/i);
  await createTopic('two');
  await until('it is confirmed', async () => (await sinkRows(store))[0]?.confirmed === 5, 30_000);
});

test('a batch the broker finds too large is halved; an event that alone is too large becomes a dead letter', async (context) => {
  const store = await freshStore(context, databases);
  await createTopic('three', [{ name: 'max.message.bytes', value: '20000' }]);
  await forward(context, store, [sink('three')]);
  await attempts(
    store,
    deliveries(1, 100).map((row, n) => ({
      ...row,
      rcpt: n === 40 ? `${'x'.repeat(30_000)}@a.example` : 'b@a.example',
    })),
  );
  await until('it is done', async () => (await sinkRows(store))[0]?.backlog === 0, 30_000);
  const letters = await deadLetters(store, 'three', 10);
  assert.deepEqual(
    letters.map((letter) => letter.event.subject),
    ['recipient/41'],
  );
  const taken = await read('three', (all) => new Set(recipients(all.map((one) => one.event))).size === 99);
  assert.ok(!recipients(taken.map((one) => one.event)).includes(41));
});

test('the broker is killed and comes back in mid-stream: nothing is lost', async (context) => {
  const store = await freshStore(context, databases);
  await createTopic('four');
  await forward(context, store, [sink('four', { batch: 20 })]);
  await attempts(store, deliveries(1, 1_000));
  await until('some are confirmed', async () => ((await sinkRows(store))[0]?.confirmed ?? 0) >= 100, 30_000);
  broker.kill();
  await attempts(store, deliveries(1_001, 500));
  await until('the sink is known to fail', async () => (await sinkRows(store))[0]?.failingSince !== null, 30_000);
  await broker.start();
  await until('all are confirmed', async () => (await sinkRows(store))[0]?.backlog === 0, 90_000);
  const taken = await read('four', (all) => new Set(recipients(all.map((one) => one.event))).size === 1_500);
  const got = recipients(taken.map((one) => one.event));
  assert.equal(new Set(got).size, 1_500);
  context.diagnostic(`${got.length - 1_500} of 1500 came twice`);
  assert.ok(
    got.length - 1_500 <= 100,
    `${got.length - 1_500} duplicates: more than the batches that were on their way`,
  );
});
