import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EgressConnection } from '../../mta/egress/connection.ts';
import { goesAsItIs, WholeBody } from '../../mta/egress/whole-body.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { until } from './mail-world.ts';
import { startSink } from './sinks.ts';

const HEAD = Buffer.from('X-Head: 1\r\n');
/** Bytes that matter to the end of a message, and one that does not. */
const text = fc.array(fc.constantFrom('\r\n', '\r', '\n', '.', 'a'), { maxLength: 12 }).map((parts) => parts.join(''));

test('what goes as it is ends once, at its end, for every reader', () => {
  let plain = 0;
  fc.assert(
    fc.property(text, (raw) => {
      if (!goesAsItIs(Buffer.from(raw))) {
        // Only what a server could read differently takes the longer way.
        assert.match(raw, /(^|\n)\.|(^|[^\r])\n|\r($|[^\n])/);
        return;
      }
      plain += 1;
      const sent = new WholeBody(HEAD, Buffer.from(raw), () => true).take()?.toString() ?? '';
      assert.equal(sent.indexOf('\r\n.\r\n'), sent.length - 5);
      assert.doesNotMatch(sent, /[^\r]\n|\r[^\n]/);
      assert.ok(sent.startsWith(`${HEAD}${raw}`));
      assert.ok(sent.length <= HEAD.length + raw.length + 5);
    }),
    { numRuns: 2_000 },
  );
  assert.ok(plain > 100);
});

test('nothing of a message is given when its sender does not own it any more', () => {
  const body = new WholeBody(HEAD, Buffer.from('a\r\n'), () => false);
  assert.equal(body.take(), null);
  assert.deepEqual([body.begun, body.released, body.cut], [true, false, true]);
});

test('messages arrive as they are: in one write or as a stream, also after one that was refused', async (context) => {
  const port = await freePort();
  const sink = await startSink('127.30.0.9', port, { rcpt: (rcpt) => (rcpt.startsWith('no') ? '550 5.1.1 no' : null) });
  context.after(() => sink.stop());
  const spec = { host: 'mx.example', ip: '127.30.0.9', port, localAddress: '127.31.1.1', ehloName: 'mta.example' };
  const connection = new EgressConnection(spec);
  context.after(() => connection.close());
  assert.equal(await connection.connect(), null);
  const mail = (subject: string, body: string) => Buffer.from(`Subject: ${subject}\r\n\r\n${body}`);
  const bodies = [
    ['no', mail('refused', 'must not be seen\r\n')],
    ['a', mail('stuffed', '.\r\n..\r\n.css { }\r\n')],
    ['no', mail('refused', '.must not be seen\r\n')],
    ['b', mail('plain', 'hello\r\n')],
    ['c', mail('without an end', 'hello')],
    ['d', mail('large', `${'x'.repeat(70)}\r\n`.repeat(2_000))],
    ['e', mail('plain', '')],
  ] as const;
  for (const [to, raw] of bodies) {
    const answer = await connection.deliver('s@shop.example', `${to}@x.example`, raw, () => true, undefined, HEAD);
    assert.equal(answer.code, to === 'no' ? 550 : 250, answer.text);
    if (answer.code !== 250) assert.equal(await connection.reset(), true);
  }
  const wanted = bodies.filter(([to]) => to !== 'no').map(([, raw]) => `${HEAD}${raw}`);
  await until('all arrived', async () => sink.taken.length === wanted.length);
  assert.deepEqual(
    sink.taken.map(({ raw }) => raw),
    wanted.map((raw) => (raw.endsWith('\r\n') ? raw : `${raw}\r\n`)),
  );
});
