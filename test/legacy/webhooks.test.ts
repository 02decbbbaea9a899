/** Webhooks as their services send them: bodies from their documentation, signatures made by the scheme each documents. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import type { FeedSettings } from '../../legacy/settings.ts';
import { startLegacy } from '../../legacy/start.ts';
import { createStore } from '../../store/connect.ts';
import { startDatabases } from '../mta/databases.ts';

const databases = await startDatabases();
const folder = mkdtempSync(path.join(os.tmpdir(), 'rampart-sns-'));
after(async () => {
  rmSync(folder, { recursive: true });
  await databases.stop();
});

/** Who signs for SNS in this test: a certificate of its own, and what it is asked for. */
function signer(days = 2) {
  const [key, cert] = [path.join(folder, `key-${days}.pem`), path.join(folder, `cert-${days}.pem`)];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', String(days)],
      ...['-subj', '/CN=sns.amazonaws.com', '-keyout', key, '-out', cert],
    ],
    { stdio: 'ignore' },
  );
  return { key: createPrivateKey(readFileSync(key)), cert: readFileSync(cert, 'utf8') };
}

const SNS = signer();
const CERT_URL = 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem';
const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:ses-events';
const SENDGRID = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const SENDGRID_KEY = SENDGRID.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
const MAILGUN_KEY = 'key-3ax6xnjp29jd6fds4gc373sgvjxteol0';

const FEEDS: readonly FeedSettings[] = [
  { name: 'ses', format: 'ses', files: [], webhook: { kind: 'sns', topics: [TOPIC] } },
  { name: 'sendgrid', format: 'sendgrid', files: [], webhook: { kind: 'sendgrid', publicKey: SENDGRID_KEY } },
  { name: 'mailgun', format: 'mailgun', files: [], webhook: { kind: 'mailgun', signingKey: MAILGUN_KEY } },
  { name: 'kumo', format: 'kumomta', files: [], webhook: { kind: 'secret', secret: 's3cret' } },
];

async function world(context: { after(work: () => Promise<unknown>): void }) {
  const store = createStore(await databases.create(), { max: 4 });
  const fetched: string[] = [];
  const legacy = await startLegacy({
    store,
    feeds: FEEDS,
    listener: { host: '127.0.0.1', port: 0 },
    resolveMx: async () => [{ exchange: 'mx1.google.com', priority: 1 }],
    fetch: async (url) => {
      fetched.push(url);
      return SNS.cert;
    },
    traceKey: null,
    keepDays: 45,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    log: () => {},
  });
  context.after(async () => {
    await legacy.stop();
    await store.end();
  });
  const post = async (feed: string, body: string | Buffer, headers: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${legacy.port}/legacy/${feed}`, {
      method: 'POST',
      body: new Uint8Array(Buffer.from(body)),
      headers,
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const kinds = async () =>
    (await store.query('select kind, rcpt, provider, message_id from legacy_events order by id')).rows.map((row) =>
      Object.values(row),
    );
  return { store, post, kinds, fetched, port: legacy.port };
}

type Message = Record<string, string>;

/** A message as SNS signs it: its fields in the order of their names, each with its value, a line each. */
function bySns(message: Message, key = SNS.key): string {
  const fields =
    message.Type === 'Notification'
      ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
      : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  const text = fields.flatMap((name) => (message[name] === undefined ? [] : [`${name}\n${message[name]}\n`])).join('');
  const hash = message.SignatureVersion === '1' ? 'sha1' : 'sha256';
  return JSON.stringify({ ...message, Signature: sign(hash, Buffer.from(text), key).toString('base64') });
}

const BOUNCE = {
  eventType: 'Bounce',
  bounce: {
    bounceType: 'Permanent',
    bounceSubType: 'General',
    bouncedRecipients: [
      {
        emailAddress: 'recipient@one.example',
        action: 'failed',
        status: '5.1.1',
        diagnosticCode: 'smtp; 550 5.1.1 user unknown',
      },
    ],
    timestamp: new Date().toISOString(),
    feedbackId: '01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000',
  },
  mail: {
    timestamp: new Date().toISOString(),
    messageId: 'EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000',
    destination: ['recipient@one.example'],
    headers: [{ name: 'Message-ID', value: '<a1@shop.example>' }],
  },
};

const notification = (over: Message = {}): Message => ({
  Type: 'Notification',
  MessageId: '5f4a5d2c-8e6b-5c61-a3f0-0a0c3d4a5b6c',
  TopicArn: TOPIC,
  Subject: 'Amazon SES Email Event Notification',
  Message: JSON.stringify(BOUNCE),
  Timestamp: new Date().toISOString(),
  SignatureVersion: '2',
  SigningCertURL: CERT_URL,
  ...over,
});

describe('SES through SNS', () => {
  test('takes what is signed, in both versions, once; confirms its subscription', async (context) => {
    const { post, kinds, fetched } = await world(context);
    const subscribeUrl = 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37f';
    const confirmation = notification({
      Type: 'SubscriptionConfirmation',
      Token: '2336412f37f',
      SubscribeURL: subscribeUrl,
    });
    assert.equal((await post('ses', bySns(confirmation), { 'content-type': 'text/plain; charset=UTF-8' })).status, 200);
    assert.deepEqual(fetched, [CERT_URL, subscribeUrl]);
    const first = await post('ses', bySns(notification()));
    assert.deepEqual([first.status, first.body.kept], [200, 1]);
    const again = await post('ses', bySns(notification({ SignatureVersion: '1' })));
    assert.deepEqual([again.status, again.body.kept, again.body.repeated], [200, 0, 1]);
    assert.deepEqual(await kinds(), [['hard', 'recipient@one.example', 'google', '<a1@shop.example>']]);
    assert.equal(fetched.length, 2, 'the certificate was kept');
  });

  test('refuses every other', async (context) => {
    const { post, kinds, fetched } = await world(context);
    const refused = async (body: string, why: string) => {
      const answer = await post('ses', body);
      assert.equal(answer.status, 401, why);
    };
    await refused(bySns(notification({ TopicArn: `${TOPIC}-of-others` })), 'another topic');
    for (const url of [
      'https://sns.eu-west-1.amazonaws.com.evil.example/x.pem',
      'http://sns.eu-west-1.amazonaws.com/x.pem',
      'https://evil.example/x.pem',
      'https://sns.eu-west-1.amazonaws.com@evil.example/x.pem',
      'https://sns.eu-west-1.amazonaws.com:8443/x.pem',
      'https://sns.eu-west-1.amazonaws.com/x.txt',
      'https://169.254.169.254/x.pem',
      'file:///etc/passwd',
      '',
    ])
      await refused(bySns(notification({ SigningCertURL: url })), url);
    assert.deepEqual(fetched, [], 'nothing was fetched from any of these');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await refused(bySns(notification(), privateKey), 'signed by somebody else');
    await refused(bySns(notification()).replace('user unknown', 'user  unknown'), 'another message');
    await refused(bySns(notification({ SignatureVersion: '3' })), 'a version nobody knows');
    await refused(JSON.stringify(BOUNCE), 'raw delivery is not signed');
    const inside = notification({
      Type: 'SubscriptionConfirmation',
      Token: 'x',
      SubscribeURL: 'https://169.254.169.254/latest',
    });
    await refused(bySns(inside), 'a confirmation somewhere else');
    assert.deepEqual(fetched, [CERT_URL]);
    assert.deepEqual(await kinds(), []);
  });
});

describe('SendGrid', () => {
  const events = [
    {
      email: 'example@one.example',
      timestamp: Math.floor(Date.now() / 1000),
      'smtp-id': '<a1@shop.example>',
      event: 'delivered',
      category: ['cat facts'],
      sg_event_id: 'rWVYmVk90MjZJ9iohOBa3w==',
      sg_message_id: '14c5d75ce93',
      response: '250 OK',
    },
    {
      email: 'example@one.example',
      timestamp: Math.floor(Date.now() / 1000),
      'smtp-id': '<a1@shop.example>',
      event: 'open',
      sg_event_id: 'FOTFFO0ecsBE-zxFXfs6WA==',
    },
  ];
  // SendGrid ends its body with CRLF, and signs it so.
  const body = `${JSON.stringify(events)}\r\n`;
  const timestamp = '1600112502';
  const signed = (text: string, key = SENDGRID.privateKey) => ({
    'X-Twilio-Email-Event-Webhook-Timestamp': timestamp,
    'X-Twilio-Email-Event-Webhook-Signature': sign('sha256', Buffer.from(timestamp + text), key).toString('base64'),
  });

  test('takes what is signed with its key, and nothing else', async (context) => {
    const { post, kinds } = await world(context);
    const taken = await post('sendgrid', body, signed(body));
    assert.deepEqual([taken.status, taken.body.kept], [200, 1]);
    assert.equal((await post('sendgrid', body.trimEnd(), signed(body))).status, 401, 'another body');
    assert.equal((await post('sendgrid', body)).status, 401, 'no signature');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    assert.equal((await post('sendgrid', body, signed(body, privateKey))).status, 401, 'another key');
    assert.equal((await post('sendgrid', '{', signed('{'))).status, 400);
    assert.deepEqual(await kinds(), [['delivered', 'example@one.example', 'google', '<a1@shop.example>']]);
  });
});

describe('Mailgun', () => {
  const body = (over: { at?: number; key?: string; parent?: string } = {}) => {
    const timestamp = String(Math.floor((over.at ?? Date.now()) / 1000));
    const token = 'e0b5477167110d68991efc6b9f89f0a11066af27834600e123';
    const by = (key: string) =>
      createHmac('sha256', key)
        .update(timestamp + token)
        .digest('hex');
    return JSON.stringify({
      signature: {
        timestamp,
        token,
        signature: by(over.key ?? MAILGUN_KEY),
        ...(over.parent && { 'parent-signature': by(over.parent) }),
      },
      'event-data': {
        id: 'ncV2XwymRUKbPek_MIM-Gw',
        event: 'failed',
        severity: 'permanent',
        reason: 'generic',
        timestamp: Date.now() / 1000,
        recipient: 'alice@one.example',
        message: { headers: { 'message-id': 'a1@shop.example' } },
        'delivery-status': { code: 554, message: '5.7.1 blocked using Spamhaus', 'mx-host': 'mx1.google.com' },
      },
    });
  };

  test('takes what is signed with its key and fresh', async (context) => {
    const { post, kinds } = await world(context);
    assert.equal((await post('mailgun', body())).status, 200);
    assert.equal((await post('mailgun', body({ key: 'of the subaccount', parent: MAILGUN_KEY }))).status, 200);
    assert.equal((await post('mailgun', body({ key: 'another' }))).status, 401);
    assert.equal(
      (await post('mailgun', body({ at: Date.now() - 86_400_000 }))).status,
      401,
      'an old one, seen on the way',
    );
    assert.equal((await post('mailgun', '{}')).status, 401);
    assert.deepEqual(
      new Set((await kinds()).map((row) => row.join(' '))),
      new Set(['blocked alice@one.example google <a1@shop.example>']),
    );
  });
});

describe('KumoMTA', () => {
  const record = (id: string) => ({
    type: 'Delivery',
    id,
    nodeid: 'n',
    recipient: 'a@gmail.com',
    event_time: new Date().toISOString(),
    response: { code: 250, content: 'OK' },
    peer_address: { name: 'mx1.google.com' },
  });

  test('one record, a list or a line each, with the secret; 200 only when it is kept', async (context) => {
    const { store, post, kinds, port } = await world(context);
    const bearer = { Authorization: 'Bearer s3cret' };
    assert.deepEqual((await post('kumo', JSON.stringify(record('1')), bearer)).body.kept, 1);
    assert.deepEqual((await post('kumo', JSON.stringify([record('2'), record('3')]), bearer)).body.kept, 2);
    const lines = `${JSON.stringify(record('4'))}\n${JSON.stringify(record('5'))}\n`;
    const basic = { Authorization: `Basic ${Buffer.from('kumo:s3cret').toString('base64')}` };
    assert.deepEqual((await post('kumo', lines, basic)).body.kept, 2);
    assert.equal((await post('kumo', lines, { Authorization: 'Bearer wrong' })).status, 401);
    assert.equal((await post('kumo', lines)).status, 401);
    assert.equal((await post('kumo', '[{"no":"record"}]', bearer)).status, 422);
    assert.equal((await post('nobody', lines, bearer)).status, 404);
    assert.equal((await fetch(`http://127.0.0.1:${port}/legacy/kumo`)).status, 405);
    assert.equal((await post('kumo', 'x'.repeat(10_000_001), bearer)).status, 413);
    assert.equal((await post('kumo', lines, { ...bearer, 'Content-Encoding': 'gzip' })).status, 415);
    assert.equal((await kinds()).length, 5);
    await store.query('alter table legacy_events rename to away');
    assert.equal((await post('kumo', JSON.stringify(record('6')), bearer)).status, 503);
    await store.query('alter table away rename to legacy_events');
    assert.deepEqual((await post('kumo', JSON.stringify(record('6')), bearer)).body.kept, 1);
  });
});
