import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, type TestContext, test } from 'node:test';
import { resolveConfig } from '../../cli/config/load.ts';
import { ConfigError } from '../../cli/config/problems.ts';
import { bury, deadLetters } from '../../store/event-dead-letters.ts';
import { disableSink, holdSink, moveSink, registerSink, sinkRows } from '../../store/event-sinks.ts';
import { attempts, deliveries, endpoint, SECRET, verifies } from '../events/world.ts';
import { type DatabaseAlone, databaseAlone, openFolder, rampart, smallConfig, writeConfig } from './command-line.ts';

const hook = { kind: 'webhook', name: 'crm', url: 'https://crm.example.com/events', secrets: [SECRET] };

function problems(sinks: readonly unknown[], env: NodeJS.ProcessEnv = {}): readonly string[] {
  try {
    resolveConfig({ ...smallConfig(), events: { sinks } }, '/tmp/rampart.config.ts', env);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
}

describe('sinks in the configuration', () => {
  test('three kinds, with their defaults and secrets of the environment', () => {
    const { events } = resolveConfig(
      {
        ...smallConfig(),
        events: {
          sinks: [
            { ...hook, secrets: [{ env: 'NEW' }, SECRET], kinds: ['message.*', 'notice'] },
            { kind: 'amqp', name: 'rabbit', url: { env: 'AMQP' }, pools: ['marketing'] },
            {
              kind: 'kafka',
              name: 'log',
              brokers: ['kafka-1:9092'],
              sasl: { mechanism: 'PLAIN', username: 'u', password: 'p' },
            },
          ],
        },
      },
      '/tmp/rampart.config.ts',
      { NEW: SECRET, AMQP: 'amqps://u:p@rabbit.example.com' },
    );
    const [first, second, third] = events.sinks;
    assert.ok(first?.kind === 'webhook' && second?.kind === 'amqp' && third?.kind === 'kafka');
    assert.deepEqual(
      [first.secrets, first.filter, first.batch],
      [[SECRET, SECRET], { kinds: ['message.*', 'notice'] }, 500],
    );
    assert.deepEqual(
      [second.url, second.exchange, second.unroutable],
      ['amqps://u:p@rabbit.example.com', 'rampart.events', 'retry'],
    );
    assert.deepEqual([third.topic, third.tls, third.sasl?.mechanism], ['rampart.events', false, 'PLAIN']);
  });

  const CASES: readonly [string, readonly unknown[], string][] = [
    ['a kind of sink nobody knows', [{ ...hook, kind: 'pigeon' }], 'events.sinks[0].kind'],
    ['a secret that is none', [{ ...hook, secrets: ['hunter2'] }], 'events.sinks[0].secrets[0]: expected whsec_'],
    [
      'a secret that is not set',
      [{ ...hook, secrets: [{ env: 'NO' }] }],
      'events.sinks[0].secrets[0]: the environment variable NO is not set',
    ],
    ['no secret', [{ ...hook, secrets: [] }], 'events.sinks[0].secrets'],
    [
      'events in clear over the network',
      [{ ...hook, url: 'http://crm.example.com/' }],
      'events.sinks[0].url: expected an https:// address',
    ],
    [
      'a kind of event nobody knows',
      [{ ...hook, kinds: ['message.opened'] }],
      'events.sinks[0].kinds[0]: expected a kind of event',
    ],
    ['two sinks of one name', [hook, hook], 'events.sinks[1].name: sink "crm" is there twice'],
    [
      'an AMQP address that is none',
      [{ kind: 'amqp', name: 'a', url: 'rabbit:5672' }],
      'events.sinks[0].url: expected an amqp://',
    ],
    [
      'a broker without a port',
      [{ kind: 'kafka', name: 'k', brokers: ['kafka'] }],
      'events.sinks[0].brokers[0]: expected host:port',
    ],
    ['a pool nobody has', [{ ...hook, pools: ['letters'] }], 'events.sinks[0].pools[0]: expected one of marketing'],
    ['a misspelt key', [{ ...hook, secret: SECRET }], 'events.sinks[0].secret: unknown key; did you mean secrets?'],
  ];
  for (const [name, sinks, expected] of CASES) {
    test(`${name} is named with its path`, () => {
      const found = problems(sinks);
      assert.ok(
        found.some((line) => line.startsWith(expected)),
        `wanted: ${expected}\nfound: ${found.join('\n')}`,
      );
      assert.ok(!found.join('\n').includes('hunter2'), 'a secret was printed');
    });
  }
});

test('events test sends one event as configured and says what happened; the exit code tells', async (context) => {
  let status = 204;
  const real = await endpoint(context, () => ({ status, body: 'not today' }));
  const folder = await ownFolder(context);
  const config = await writeConfig(folder, { ...smallConfig(), events: { sinks: [{ ...hook, url: real.url }] } });
  const env = { RAMPART_CONFIG: config };
  const well = await rampart(['events', 'test', 'crm'], env);
  assert.match(well.stdout, /^crm took event test-[0-9a-f-]{36} of type rampart\.test in \d+ ms\n$/, well.stderr);
  const [request] = real.requests;
  assert.ok(request && verifies(request, SECRET));
  status = 401;
  const failed = await rampart(['events', 'test', 'crm', '--json'], env);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /crm did not take it: 401: not today/);
  const unknown = await rampart(['events', 'test', 'mail'], env);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /has no sink "mail": it has crm/);
  assert.match((await rampart(['check'], env)).stdout, /^events: crm \(webhook\)$/m);
});

async function ownFolder(context: TestContext): Promise<string> {
  const folder = await openFolder();
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('sinks of an instance, with nothing but PostgreSQL running', () => {
  let alone: DatabaseAlone;
  before(async () => {
    alone = await databaseAlone();
    await registerSink(alone.store, 'crm', 'webhook');
  });
  after(() => alone.stop());

  test('status shows what waits and since when', async () => {
    await attempts(alone.store, deliveries(1, 12));
    const ran = await alone.run('events', 'status', '--json');
    const [sink] = JSON.parse(ran.stdout).sinks;
    assert.deepEqual([sink.name, sink.backlog, sink.running, sink.deadLetters], ['crm', 12, false, 0]);
    assert.match((await alone.run('events', 'status')).stdout, /^crm +webhook +not running +12 /m);
  });

  test('dead letters are listed and asked for again', async () => {
    const event = { id: 'attempt-1', type: 'rampart.message.bounced', time: '2026-11-21T08:00:00.000Z', data: {} };
    await bury(alone.store, 'crm', [event], '422: unknown field');
    const listed = await alone.run('events', 'dead', '--sink', 'crm');
    assert.match(listed.stdout, /rampart\.message\.bounced .*attempt-1 +422: unknown field/);
    const { letters } = JSON.parse((await alone.run('events', 'dead', '--json')).stdout);
    assert.deepEqual(letters[0].event, event);
    const asked = await alone.run('events', 'replay', '--sink', 'crm', '--dead');
    assert.match(asked.stdout, /^1 dead letter will be sent to crm again, once it runs: \.\/rampart up\n$/);
    assert.equal((await deadLetters(alone.store, 'crm', 10))[0]?.replayAsked, true);
  });

  test('a sink is set back to a time, never forward', async () => {
    const held = await holdSink(alone.store, 'crm', 'somebody', 1);
    assert.ok(held);
    await moveSink(alone.store, 'crm', 'somebody', held.positions, { ...held.positions, attempts: 12 }, 12);
    await alone.store.query(`update attempts set at = now() - interval '3 hours' where recipient <= 5`);
    const ran = await alone.run('events', 'replay', '--sink', 'crm', '--from', '1h');
    assert.match(ran.stdout, /^crm will get everything since .* again, at most 7 events, once it runs/, ran.stderr);
    await alone.run('events', 'replay', '--sink', 'crm', '--from', '2min');
    assert.equal((await sinkRows(alone.store))[0]?.backlog, 7);
  });

  test('a sink that is off is switched on', async () => {
    await disableSink(alone.store, 'crm', '410');
    assert.match(
      (await alone.run('events', 'status')).stdout,
      /^crm +webhook +off .*410: \.\/rampart events enable crm$/m,
    );
    assert.match((await alone.run('events', 'enable', 'crm')).stdout, /^crm is on again/);
    assert.match((await alone.run('events', 'enable', 'crm')).stdout, /^crm is on$/m);
  });

  test('bad input says what to do', async () => {
    const cases: readonly [readonly string[], RegExp][] = [
      [['events', 'enable', 'mail'], /there is no sink "mail": there are crm/],
      [['events', 'replay', '--dead'], /say which sink: --sink NAME/],
      [['events', 'replay', '--sink', 'crm'], /--from TIME or --dead/],
      [['events', 'replay', '--sink', 'crm', '--from', 'noon'], /not "noon"/],
      [['events', 'replay', '--sink', 'crm', '--from', '2999-01-01T00:00:00Z'], /in the future/],
      [['events', 'dead', '--limit', '0'], /--limit is from 1 to/],
    ];
    for (const [args, says] of cases) {
      const ran = await alone.run(...args);
      assert.deepEqual([ran.code, says.test(ran.stderr)], [2, true], `${args.join(' ')}: ${ran.stderr}`);
    }
  });
});
