/** Requests with an Idempotency-Key while their process is killed again and again: each is done once, none is lost. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../setup/host/free-port.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';

const databases = await startDatabases();
after(() => databases.stop());

const REQUESTS = 60;
const PER_REQUEST = 5;
const KILLS = 6;

test('kill -9 in the middle of requests: sent again until they are answered, each is in the store once', async (context) => {
  const world = await MailWorld.start(context, databases);
  await world.lane('127.31.1.1', 'other', 'warm');
  world.domain('provider.example', [['mx.provider.example', '127.30.0.9']]);
  const http = { host: '127.0.0.1', port: await freePort() };
  const { process: mta } = await world.mta('mta-1', { injection: { http } });
  const headers = {
    authorization: `Basic ${Buffer.from('shop:secret').toString('base64')}`,
    'content-type': 'application/json',
  };
  let answered = 0;
  let again = 0;

  const untilAnswered = async (n: number) => {
    const recipients = Array.from({ length: PER_REQUEST }, (_, m) => ({
      to: `r${n}-${m}@provider.example`,
      substitutions: { m },
    }));
    const body = JSON.stringify({ from: 'a@shop.example', subject: '{{m}}', text: 'Hello.', recipients });
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${http.port}/v1/messages`, {
        method: 'POST',
        headers: { ...headers, 'idempotency-key': `request-${n}` },
        body,
      }).catch(() => undefined);
      const text = await response?.text().catch(() => undefined);
      if (response?.status === 202 && text !== undefined) {
        answered += 1;
        assert.equal(JSON.parse(text).accepted.length, PER_REQUEST);
        return;
      }
      assert.ok(response === undefined || [202, 409, 503].includes(response.status), `${response?.status} ${text}`);
      again += 1;
      await sleep(50);
    }
  };

  let next = 0;
  const client = async () => {
    while (next < REQUESTS) await untilAnswered(next++);
  };
  const clients = Promise.all(Array.from({ length: 6 }, client));
  for (let kill = 0; kill < KILLS && answered < REQUESTS; kill++) {
    const before = answered;
    await until('some requests', () => answered >= Math.min(REQUESTS, before + 3), 60_000);
    if (mta.pid !== undefined) process.kill(mta.pid, 'SIGKILL');
    // What the dead process had reserved is taken over after half a minute; the test does not wait for it.
    await world.store.query(`update idempotency_keys set reserved_at = now() - interval '1 hour' where answer is null`);
  }
  const aging = setInterval(() => {
    const sql = `update idempotency_keys set reserved_at = now() - interval '1 hour'
      where answer is null and reserved_at < now() - interval '2 seconds'`;
    world.store.query(sql).catch(() => {});
  }, 500);
  await clients.finally(() => clearInterval(aging));

  assert.ok(again > 0, 'nothing was ever in the way');
  // Nobody listens at the provider: what was taken is still in the queue.
  const { rows } = await world.store.query('select rcpt, count(*)::int as n from queue group by rcpt');
  assert.equal(rows.length, REQUESTS * PER_REQUEST);
  assert.deepEqual(
    rows.filter((row) => row.n !== 1),
    [],
    'some were stored twice',
  );
});
