import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import tls from 'node:tls';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';

const databases = await startDatabases();
after(() => databases.stop());

const LOGIN = `AUTH PLAIN ${Buffer.from('\0shop\0secret').toString('base64')}`;
const WRONG = `AUTH PLAIN ${Buffer.from('\0shop\0wrong').toString('base64')}`;
const MESSAGE = 'Message-ID: <one@shop.example>\r\nFrom: <a@shop.example>\r\nSubject: hello\r\n\r\nHello.\r\n';

/** An SMTP client that sends exactly the bytes it is told. */
class Raw {
  #socket: net.Socket;
  #text = '';
  constructor(socket: net.Socket) {
    this.#socket = socket;
    this.#listen();
  }
  static open(host: string, port: number): Promise<Raw> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(port, host, () => resolve(new Raw(socket)));
      socket.once('error', reject);
    });
  }
  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString();
    });
    this.#socket.on('error', () => {});
  }
  /** The next whole reply. */
  async reply(): Promise<string> {
    const whole = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/;
    await until('a reply', () => whole.test(this.#text), 5_000);
    const [reply = ''] = whole.exec(this.#text) ?? [];
    this.#text = this.#text.slice(reply.length);
    return reply;
  }
  async say(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    return this.reply();
  }
  async all(...lines: string[]): Promise<string> {
    let last = '';
    for (const line of lines) last = await this.say(line);
    return last;
  }
  data(bytes: string): Promise<string> {
    this.#socket.write(bytes, 'latin1');
    this.#socket.write('\r\n.\r\n');
    return this.reply();
  }
  async secure(): Promise<void> {
    const plain = this.#socket;
    plain.removeAllListeners('data');
    this.#socket = await new Promise<net.Socket>((resolve, reject) => {
      const socket = tls.connect({ socket: plain, rejectUnauthorized: false }, () => resolve(socket));
      socket.once('error', reject);
    });
    this.#listen();
  }
  close(): void {
    this.#socket.destroy();
  }
}

async function session(host: string, port: number): Promise<Raw> {
  const client = await Raw.open(host, port);
  await client.reply();
  return client;
}

async function serving(context: Parameters<typeof MailWorld.start>[0], submission = {}) {
  const world = await MailWorld.start(context, databases);
  await world.lane('127.31.1.1', 'other', 'warm');
  // Nobody listens there: mail that is accepted stays.
  world.domain('provider.example', [['mx.provider.example', '127.30.0.9']]);
  const settings = { ...world.settings().submission, ...submission };
  const { ready } = await world.mta('mta-1', { submission: settings });
  const client = await session('127.0.0.1', ready.submissionPort ?? 0);
  context.after(() => client.close());
  return { world, client, port: ready.submissionPort ?? 0 };
}

const count = async (world: MailWorld) => (await world.store.query('select count(*)::int n from messages')).rows[0].n;

test('without a certificate: AUTH is required, a wrong password is refused, STARTTLS is not offered', async (context) => {
  const { client } = await serving(context);
  assert.doesNotMatch(await client.say('EHLO client'), /STARTTLS/);
  assert.match(await client.say('MAIL FROM:<a@shop.example>'), /^530 /);
  assert.match(await client.say('STARTTLS'), /^5/);
  assert.match(await client.say(WRONG), /^535 /);
  assert.match(await client.say(LOGIN), /^235 /);
});

test('a password in clear is taken from loopback only', async (context) => {
  const outside = Object.values(os.networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  if (outside === undefined) return context.skip('this machine has no address but loopback');
  const { port } = await serving(context, { host: '0.0.0.0' });
  const client = await session(outside, port);
  context.after(() => client.close());
  await client.say('EHLO client');
  assert.match(await client.say(LOGIN), /^538 /);
});

test('with a certificate STARTTLS is offered and works', async (context) => {
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(databases.folder, name)) as [string, string];
  const name = ['-subj', '/CN=mta.example', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...name], {
    stdio: 'ignore',
  });
  const { client, world } = await serving(context, { tls: { cert, key } });
  assert.match(await client.say('EHLO client'), /STARTTLS/);
  assert.match(await client.say('STARTTLS'), /^220 /);
  await client.secure();
  assert.doesNotMatch(await client.say('EHLO client'), /STARTTLS/);
  await client.all(LOGIN, 'MAIL FROM:<a@shop.example>', 'RCPT TO:<b@provider.example>', 'DATA');
  assert.match(await client.data(MESSAGE), /^250 /);
  assert.equal(await count(world), 1);
});

test('bare LF, bare CR, too large, wrong pool, NUL: refused, and nothing is stored', async (context) => {
  const { client, world } = await serving(context, { maxBytes: 20_000 });
  await client.all('EHLO client', LOGIN);
  const refused = async (bytes: string, reply: RegExp) => {
    await client.all('MAIL FROM:<a@shop.example>', 'RCPT TO:<b@provider.example>', 'DATA');
    assert.match(await client.data(bytes), reply);
  };
  await refused(`${MESSAGE}one\ntwo`, /^554 .*bare LF/);
  await refused(`${MESSAGE}one\rtwo`, /^554 .*bare CR/);
  await refused(`${MESSAGE}one\n.\r\nMAIL FROM:<x@y>`, /^554 .*bare LF/);
  await refused(`${MESSAGE}${'x'.repeat(70)}\r\n`.padEnd(30_000, 'line\r\n'), /^552 /);
  await refused(`X-Rampart-Pool: foreign\r\n${MESSAGE}`, /^550 .*may not send through pool "foreign"/);
  await refused(`X-Rampart-Pool: other\r\n${MESSAGE}`, /^451 .*no address yet/);
  await refused(`X-Rampart-Campaign: a\0b\r\n${MESSAGE}`, /^554 .*NUL/);
  await refused(`X-Rampart-Segment: everyone\r\n${MESSAGE}`, /^550 .*X-Rampart-Segment/);
  assert.equal(await count(world), 0);
  await client.all('MAIL FROM:<a@shop.example>', 'RCPT TO:<b@provider.example>', 'DATA');
  assert.match(await client.data(MESSAGE), /^250 /, 'the session goes on');
});

test('250 only after the row is there; control headers are recorded and stripped', async (context) => {
  const { client, world } = await serving(context);
  await client.all('EHLO client', LOGIN);
  for (let n = 0; n < 20; n++) {
    await client.all('MAIL FROM:<a@shop.example>', `RCPT TO:<b${n}@provider.example>`, 'DATA');
    const control = 'X-Rampart-Tenant: acme\r\nX-Rampart-Segment: 60d\r\nX-Rampart-Campaign: may\r\n 2026\r\n';
    assert.match(await client.data(`${control}${MESSAGE.replace('one@', `m${n}@`)}`), /^250 /);
    const { rows } = await world.store.query(
      `select m.tenant, m.segment, m.campaign, m.stream, m.mail_from, b.raw, q.rcpt from messages m
       join bodies b on b.id = m.body_id join queue q on q.message = m.id where m.message_id = $1`,
      [`<m${n}@shop.example>`],
    );
    assert.equal(rows.length, 1, `message ${n} was answered with 250 and is not there`);
    const { raw, ...row } = rows[0];
    assert.deepEqual(row, {
      tenant: 'acme',
      segment: '60d',
      campaign: 'may 2026',
      stream: 'marketing',
      mail_from: 'a@shop.example',
      rcpt: `b${n}@provider.example`,
    });
    assert.doesNotMatch(raw.toString(), /x-rampart|2026\r\n[^:]*Message-ID/i);
    assert.match(raw.toString(), /^Received: from client .*\r\n\tby mta\.example/);
  }
});
