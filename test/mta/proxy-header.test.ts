import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { readProxyHeader } from '../../mta/injection/proxy-header.ts';
import type { ExtraListener } from '../../mta/settings-injection.ts';
import { startDatabases } from './databases.ts';
import { until } from './mail-world.ts';
import { plain, Raw } from './raw-client.ts';
import { certificate, MESSAGE, openWaysIn } from './ways-in.ts';

const databases = await startDatabases();
after(() => databases.stop());

const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const [LOCAL, PROXY] = [0x20, 0x21];
const [UNSPEC, TCP4, UDP4, TCP6, UNIX] = [0x00, 0x11, 0x12, 0x21, 0x31];

function v2(command: number, family: number, block: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(block.length);
  return Buffer.concat([SIGNATURE, Buffer.from([command, family]), length, block]);
}

function block4(from: string, port = 4711): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.set(from.split('.').map(Number), 0);
  bytes.set([198, 51, 100, 1], 4);
  bytes.writeUInt16BE(port, 8);
  bytes.writeUInt16BE(25, 10);
  return bytes;
}

function block6(from: string): Buffer {
  const bytes = Buffer.alloc(36);
  bytes.set(Buffer.from(from, 'hex'), 0);
  bytes.writeUInt16BE(4711, 32);
  return bytes;
}

const IPV6 = '20010db8000000000000000000000007';
/** What a proxy may add (§2.2.1): here, the name a client asked for in its handshake. */
const AUTHORITY = Buffer.concat([Buffer.from([0x02, 0, 11]), Buffer.from('mta.example')]);

const whole = (given: Buffer, source: unknown) => ({ state: 'whole', length: given.length, source });

test('a header says who is behind the proxy, or that it is the proxy itself', () => {
  const read: [Buffer, unknown][] = [
    [v2(PROXY, TCP4, block4('203.0.113.7')), { address: '203.0.113.7', port: 4711 }],
    [v2(PROXY, TCP4, Buffer.concat([block4('203.0.113.7'), AUTHORITY])), { address: '203.0.113.7', port: 4711 }],
    [v2(PROXY, TCP6, block6(IPV6)), { address: '2001:db8::7', port: 4711 }],
    [v2(PROXY, TCP6, block6('00000000000000000000ffffcb007107')), { address: '203.0.113.7', port: 4711 }],
    [v2(LOCAL, UNSPEC, Buffer.alloc(0)), null],
    [v2(LOCAL, TCP4, block4('203.0.113.7')), null],
    [v2(LOCAL, UNIX, Buffer.alloc(3)), null],
    [v2(PROXY, UNSPEC, AUTHORITY), null],
    [Buffer.from('PROXY UNKNOWN\r\n'), null],
    [Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'), null],
    [Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 4711 25\r\n'), { address: '203.0.113.7', port: 4711 }],
    [Buffer.from('PROXY TCP6 2001:DB8:0::7 ::1 4711 25\r\n'), { address: '2001:db8::7', port: 4711 }],
  ];
  for (const [given, source] of read) assert.deepEqual(readProxyHeader(given), whole(given, source), given.toString());
});

test('what is not exactly a header is refused', () => {
  const wrong: Buffer[] = [
    v2(0x11, TCP4, block4('203.0.113.7')), // version 1 in a binary header
    v2(0x22, TCP4, block4('203.0.113.7')), // no such command
    v2(PROXY, UDP4, block4('203.0.113.7')),
    v2(PROXY, UNIX, Buffer.alloc(216)),
    v2(PROXY, TCP4, Buffer.alloc(11)),
    v2(PROXY, TCP6, block4('203.0.113.7')),
    v2(PROXY, TCP4, Buffer.alloc(5_000)),
    Buffer.from('\r\n\r\nEHLO client\r\n'),
    Buffer.from('EHLO client\r\n'),
    Buffer.from('proxy TCP4 203.0.113.7 198.51.100.1 4711 25\r\n'),
    Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 4711\r\n'),
    Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 4711 25 x\r\n'),
    Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 4711 65536\r\n'),
    Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 04711 25\r\n'),
    Buffer.from('PROXY TCP4 2001:db8::7 ::1 4711 25\r\n'),
    Buffer.from('PROXY TCP4 example.com 198.51.100.1 4711 25\r\n'),
    Buffer.from('PROXY UDP4 203.0.113.7 198.51.100.1 4711 25\r\n'),
    Buffer.from(`PROXY TCP4 ${'1'.repeat(200)}`),
    Buffer.from(`PROXY UNKNOWN ${'1'.repeat(200)}\r\n`),
  ];
  for (const given of wrong) assert.equal(readProxyHeader(given).state, 'bad', given.toString());
});

test('a header in any pieces is read the same, and never beyond its end', () => {
  const headers = [
    v2(PROXY, TCP4, Buffer.concat([block4('203.0.113.7'), AUTHORITY])),
    v2(PROXY, TCP6, block6(IPV6)),
    v2(LOCAL, UNSPEC, Buffer.alloc(0)),
    Buffer.from('PROXY TCP4 203.0.113.7 198.51.100.1 4711 25\r\n'),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...headers), fc.uint8Array({ maxLength: 80 }), (header, after) => {
      for (let cut = 0; cut < header.length; cut++)
        assert.equal(readProxyHeader(header.subarray(0, cut)).state, 'more');
      assert.deepEqual(readProxyHeader(Buffer.concat([header, after])), readProxyHeader(header));
    }),
  );
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void readProxyHeader(Buffer.from(bytes))));
});

test('version 2 is believed from listed peers alone; a wrong header closes the connection', async (context) => {
  const tls = certificate(databases.folder, 'proxied-2');
  const listener: ExtraListener = { role: 'submission', host: '127.0.0.1', port: 0, tls, proxyFrom: ['127.0.0.1'] };
  const implicit: ExtraListener = { ...listener, tls: { ...tls, implicit: true } };
  const ways = await openWaysIn(context, databases, { injection: { listeners: [listener, implicit] } });
  const [port = 0] = ways.injection.listenerPorts;
  const proxied = async (header: Buffer) => {
    const client = await Raw.open('127.0.0.1', port);
    context.after(() => client.close());
    client.write(header);
    return client;
  };
  const login = plain('shop', 'secret');
  for (const [header, from] of [
    [v2(PROXY, TCP4, block4('203.0.113.7')), '[203.0.113.7]'],
    [v2(PROXY, TCP6, block6(IPV6)), '[IPv6:2001:db8::7]'],
    [v2(LOCAL, UNSPEC, Buffer.alloc(0)), '[127.0.0.1]'],
  ] as const) {
    const client = await proxied(header);
    assert.match(await client.reply(), /^220 /);
    await client.say('EHLO client');
    assert.match(await client.say(login), /^538 /, 'nobody behind a proxy is on loopback');
    await client.say('STARTTLS');
    await client.secure();
    await client.all('EHLO client', login, 'MAIL FROM:<a@shop.example>', 'RCPT TO:<b@provider.example>', 'DATA');
    assert.match(await client.data(MESSAGE), /^250 /);
    const [last] = (await ways.stored()).slice(-1);
    assert.ok(last?.raw.startsWith(`Received: from client (${from})\r\n`), last?.raw.slice(0, 80));
  }

  // The client's own bytes may come in the same packet as the proxy's.
  const quick = await proxied(Buffer.concat([v2(PROXY, TCP4, block4('203.0.113.7')), Buffer.from('EH')]));
  assert.match(await quick.reply(), /^220 /);
  assert.match(await quick.say('LO client'), /^250-/);

  for (const header of [
    v2(PROXY, UDP4, block4('203.0.113.7')),
    v2(PROXY, TCP4, Buffer.alloc(4)),
    Buffer.from('\r\n\r\nEHLO client\r\n'),
  ]) {
    const client = await proxied(header);
    await until('it is closed', () => client.closed);
    assert.equal(client.unread, '');
  }
  const [refused] = ways.logged.filter((one) => one.event === 'submission-proxy-refused');
  assert.deepEqual(refused?.fields, {
    proxy: '127.0.0.1',
    error: 'the PROXY header is wrong: it is not about a TCP connection',
  });

  const stranger = await ways.client();
  stranger.write(v2(PROXY, TCP4, block4('203.0.113.7')));
  assert.match(await stranger.reply(), /^500 /, 'not listed: bad SMTP');
  await until('it is closed', () => stranger.closed);
});

test('TLS from the first byte begins after the header', async (context) => {
  const tls = { ...certificate(databases.folder, 'proxied-3'), implicit: true };
  const listener: ExtraListener = { role: 'submission', host: '127.0.0.1', port: 0, tls, proxyFrom: ['127.0.0.1'] };
  const ways = await openWaysIn(context, databases, { injection: { listeners: [listener] } });
  const client = await Raw.open('127.0.0.1', ways.injection.listenerPorts[0] ?? 0);
  context.after(() => client.close());
  client.write(v2(PROXY, TCP4, block4('203.0.113.7')));
  await client.secure();
  assert.match(await client.reply(), /^220 /);
  await client.all(
    'EHLO client',
    plain('shop', 'secret'),
    'MAIL FROM:<a@shop.example>',
    'RCPT TO:<b@provider.example>',
  );
  await client.say('DATA');
  assert.match(await client.data(MESSAGE), /^250 /);
  assert.match((await ways.stored())[0]?.raw ?? '', /^Received: from client \(\[203\.0\.113\.7\]\)/);
});

test('HTTP: the header is believed from listed peers alone, before TLS too; X-Forwarded-For from nobody', async (context) => {
  const tls = certificate(databases.folder, 'proxied-4');
  const http = { host: '127.0.0.1', port: 0, tls, proxyFrom: ['127.0.0.1'] };
  const ways = await openWaysIn(context, databases, { injection: { http } });
  const body = JSON.stringify({ from: 'a@shop.example', to: 'b@provider.example', subject: 'hello', text: 'Hello.' });
  const post = (password = 'secret') =>
    [
      'POST /v1/messages HTTP/1.1',
      'Host: mta.example',
      `Authorization: Basic ${Buffer.from(`shop:${password}`).toString('base64')}`,
      'Content-Type: application/json',
      'X-Forwarded-For: 192.0.2.99',
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
  const opened = async (header: Buffer | string, port = ways.injection.httpPort ?? 0) => {
    const client = await Raw.open('127.0.0.1', port);
    context.after(() => client.close());
    client.write(header);
    return client;
  };
  const answered = async (client: Raw, text: string) => {
    const before = client.unread.length;
    client.write(text);
    await until('an answer', () => client.unread.slice(before).endsWith('}\n'), 15_000);
    return client.unread.slice(before);
  };
  for (const [header, from] of [
    [v2(PROXY, TCP4, block4('203.0.113.7')), '[203.0.113.7]'],
    ['PROXY TCP6 2001:db8::7 ::1 4711 443\r\n', '[IPv6:2001:db8::7]'],
    [v2(LOCAL, UNSPEC, Buffer.alloc(0)), '[127.0.0.1]'],
  ] as const) {
    const client = await opened(header);
    await client.secure();
    // Kept open: what was said at its beginning counts for every request.
    for (let n = 0; n < 2; n++) assert.match(await answered(client, post()), /^HTTP\/1\.1 202 /);
    const last = (await ways.stored()).slice(-2);
    for (const one of last)
      assert.match(
        one.raw.replaceAll('\r\n', ' '),
        new RegExp(`^Received: from unknown \\(${from.replace(/[[\].]/g, '\\$&')}\\)`),
      );
  }
  assert.match(
    await answered(await securely(await opened(v2(PROXY, TCP4, block4('203.0.113.8')))), post('wrong')),
    / 401 /,
  );
  assert.equal(ways.logged.find((one) => one.event === 'sign-in-failed')?.fields?.address, '203.0.113.8');

  for (const header of [Buffer.from('POST /v1/messages HTTP/1.1\r\n\r\n'), v2(PROXY, UDP4, block4('203.0.113.7'))]) {
    const client = await opened(header);
    await until('it is closed', () => client.closed);
    assert.equal(client.unread, '');
  }
  assert.equal(ways.logged.filter((one) => one.event === 'http-proxy-refused').length, 2);

  // In clear: the client's own bytes come in the same packet, and a client behind a proxy is never on loopback.
  const open = await openWaysIn(context, databases, {
    injection: { http: { host: '127.0.0.1', port: 0, proxyFrom: ['127.0.0.1'] } },
  });
  const clear = await opened(v2(PROXY, TCP4, block4('203.0.113.7')), open.injection.httpPort ?? 0);
  assert.match(await answered(clear, post()), /^HTTP\/1\.1 403 /);
  const packed = await opened(
    Buffer.concat([v2(PROXY, TCP4, block4('203.0.113.7')), Buffer.from(post())]),
    open.injection.httpPort ?? 0,
  );
  await until('an answer', () => packed.unread.endsWith('}\n'));
  assert.match(packed.unread, /^HTTP\/1\.1 403 .*not-encrypted/s);

  const none = await openWaysIn(context, databases, { injection: { http: { host: '127.0.0.1', port: 0 } } });
  const stranger = await opened(v2(PROXY, TCP4, block4('203.0.113.7')), none.injection.httpPort ?? 0);
  await until('not listed: bad HTTP', () => stranger.closed);
  assert.match(stranger.unread, /^(HTTP\/1\.1 400 |$)/);
  const told = await opened('', none.injection.httpPort ?? 0);
  assert.match(await answered(told, post()), /^HTTP\/1\.1 202 /);
  assert.match((await none.stored())[0]?.raw ?? '', /^Received: from unknown \(\[127\.0\.0\.1\]\)/);
});

async function securely(client: Raw): Promise<Raw> {
  await client.secure();
  return client;
}
