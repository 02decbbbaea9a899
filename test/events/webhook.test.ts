import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, describe, test } from 'node:test';
import { testEvent } from '../../events/envelope.ts';
import { retryAfter } from '../../events/webhook/answers.ts';
import { secretKey, signedHeaders } from '../../events/webhook/sign.ts';
import { WebhookSink } from '../../events/webhook/sink.ts';
import { deadLetters } from '../../store/event-dead-letters.ts';
import { enableSink, sinkRows } from '../../store/event-sinks.ts';
import { startDatabases } from '../mta/databases.ts';
import { selfSigned } from './certificate.ts';
import {
  type Answer,
  attempts,
  deliveries,
  endpoint,
  forward,
  freshStore,
  QUICK,
  recipients,
  SECRET,
  until,
  verifies,
  webhook,
} from './world.ts';

const databases = await startDatabases();
after(() => databases.stop());

test('signatures are those of the specification, one a secret', async (context) => {
  const old = `whsec_${randomBytes(24).toString('base64')}`;
  const hook = await endpoint(context);
  const sink = new WebhookSink(
    { kind: 'webhook', name: 'hook', url: hook.url, secrets: [SECRET, old], timeoutMs: 5_000, batch: 10 },
    () => Date.now(),
  );
  context.after(() => sink.close());
  const event = testEvent('hook', 'urn:uuid:x', '1', Date.now());
  const report = await sink.send([event], new AbortController().signal);
  assert.deepEqual([[...report.confirmed], report.problem], [['test-1'], null]);
  const [request] = hook.requests;
  assert.ok(request);
  assert.ok(verifies(request, SECRET) && verifies(request, old));
  assert.ok(!verifies(request, `whsec_${randomBytes(32).toString('base64')}`));
  assert.ok(!verifies({ ...request, body: `${request.body} ` }, SECRET));
  assert.equal(request.headers['content-type'], 'application/cloudevents-batch+json; charset=utf-8');
  assert.ok(Math.abs(Number(request.headers['webhook-timestamp']) - Date.now() / 1_000) < 60);
});

test("the test vector of the specification's own libraries, and secrets that are none", () => {
  const headers = signedHeaders(
    [secretKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')],
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    1_614_265_330,
    Buffer.from('{"test": 2432232314}'),
  );
  assert.equal(headers['webhook-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  for (const wrong of [
    '',
    'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'whsec_',
    'whsec_abc',
    'whsec_%%%%MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa',
  ]) {
    assert.throws(() => secretKey(wrong), /24 to 64 bytes in base64/);
  }
});

test('Retry-After: seconds, dates and nonsense', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  assert.equal(retryAfter('120', now), 120_000);
  assert.equal(retryAfter('Sat, 21 Nov 2026 12:01:00 GMT', now), 60_000);
  assert.equal(retryAfter('Sat, 21 Nov 2026 11:00:00 GMT', now), 0);
  assert.equal(retryAfter('soon', now), undefined);
  assert.equal(retryAfter(undefined, now), undefined);
});

test('a server whose certificate nobody vouches for gets nothing; with its certificate in `ca` it does', async (context) => {
  const { key, cert } = selfSigned(databases.folder);
  let requests = 0;
  const server = https.createServer({ key, cert }, (request, response) => {
    requests += 1;
    request.resume().on('end', () => response.writeHead(204).end());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  context.after(() => void server.close());
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  const base = { kind: 'webhook', name: 'hook', url, secrets: [SECRET], timeoutMs: 5_000, batch: 10 } as const;
  const event = testEvent('hook', 'urn:uuid:x', '1', Date.now());
  const { signal } = new AbortController();
  const strangers = new WebhookSink(base, () => Date.now());
  const refused = await strangers.send([event], signal);
  assert.match(refused.problem?.says ?? '', /self.signed/i);
  assert.equal(requests, 0);
  const known = new WebhookSink({ ...base, ca: cert }, () => Date.now());
  assert.equal((await known.send([event], signal)).problem, null);
  assert.equal(requests, 1);
  await Promise.all([strangers.close(), known.close()]);
});

/** Sends one delivered event under the given answers; returns what came of it. */
async function answered(
  context: import('node:test').TestContext,
  answer: (n: number) => Answer,
  over: Parameters<typeof webhook>[2] = {},
) {
  const store = await freshStore(context, databases);
  const hook = await endpoint(context, (_request, n) => answer(n));
  const events = await forward(context, store, [webhook('hook', hook.url, over)]);
  await attempts(store, deliveries(1, 1));
  return { store, hook, events };
}

describe('answers', () => {
  for (const status of [500, 503, 408, 429]) {
    test(`${status}: again, the same bytes under the same id`, async (context) => {
      const { hook } = await answered(context, (n) => ({ status: n < 4 ? status : 200 }));
      await until('it is taken', () => hook.taken.length === 1);
      assert.equal(hook.requests.length, 5);
      assert.equal(new Set(hook.requests.map((one) => one.body)).size, 1);
      assert.equal(new Set(hook.requests.map((one) => one.headers['webhook-id'])).size, 1);
      assert.ok(hook.requests.every((one) => verifies(one, SECRET)));
    });
  }

  test('Retry-After is waited for', async (context) => {
    const { hook, events } = await answered(context, (n) =>
      n === 0 ? { status: 503, headers: { 'retry-after': '1' } } : { status: 200 },
    );
    const before = Date.now();
    await until('it is taken', () => hook.taken.length === 1);
    assert.ok(Date.now() - before >= 600, 'it did not wait');
    assert.equal(events.told.filter((one) => one.event === 'events-not-taken').length, 1);
  });

  test('a redirect is not followed; after some tries its events are dead letters, whole', async (context) => {
    const other = await endpoint(context);
    const { store, hook } = await answered(context, () => ({ status: 307, headers: { location: other.url } }));
    await until('it is given up', async () => (await deadLetters(store, 'hook', 10)).length === 1);
    assert.equal(other.requests.length, 0);
    assert.equal(hook.requests.length, QUICK.refusals);
    const [letter] = await deadLetters(store, 'hook', 10);
    assert.match(letter?.reason ?? '', /307: redirects are not followed/);
    assert.deepEqual(letter?.event, hook.requests[0]?.events[0]);
  });

  test('an endpoint that never answers is left after its time, and tried again', async (context) => {
    const { hook } = await answered(context, (n) => (n < 2 ? { status: 200, after: null } : { status: 200 }), {
      timeoutMs: 150,
    });
    await until('it is taken', () => hook.taken.length === 1);
    assert.equal(hook.requests.length, 3);
  });

  test('an answer without end does not keep anybody', async (context) => {
    const { hook } = await answered(context, () => ({ status: 200, body: 'x'.repeat(5_000_000) }));
    await until('it is taken', () => hook.requests.length === 1);
  });

  test('410 switches the sink off with a notice; switched on again it goes on where it stood', async (context) => {
    const { store, hook } = await answered(context, (n) => ({ status: n === 0 ? 410 : 200 }));
    await until('it is off', async () => (await sinkRows(store))[0]?.disabledAt !== null);
    const { rows } = await store.query('select kind, subject, body from notices');
    assert.deepEqual([rows.length, rows[0]?.kind, rows[0]?.subject], [1, 'events-sink-disabled', 'hook']);
    assert.match(rows[0]?.body.says, /rampart events enable hook/);
    await attempts(store, deliveries(2, 1));
    await new Promise((done) => setTimeout(done, 1_500));
    assert.equal(hook.requests.length, 1, 'it was sent to after it said that it wants no more');
    await enableSink(store, 'hook');
    await until(
      'both are taken',
      () => recipients(hook.taken.filter((one) => one.type.includes('message'))).length === 2,
    );
  });

  test('one event an endpoint can not read is found among the others, and alone becomes a dead letter', async (context) => {
    const store = await freshStore(context, databases);
    const hook = await endpoint(context, ({ events }) => ({
      status: recipients(events).includes(77) ? 422 : 200,
      body: 'recipient 77 is unknown to us',
    }));
    await forward(context, store, [webhook('hook', hook.url)]);
    await attempts(store, deliveries(1, 200));
    await until('all but one are taken', () => hook.taken.length === 199, 30_000);
    const letters = await deadLetters(store, 'hook', 10);
    assert.deepEqual(
      letters.map((letter) => letter.event.subject),
      ['recipient/77'],
    );
    assert.match(letters[0]?.reason ?? '', /^422: recipient 77 is unknown to us$/);
    assert.deepEqual(
      recipients(hook.taken),
      deliveries(1, 200)
        .map((row) => row.recipient)
        .filter((id) => id !== 77),
    );
  });
});
