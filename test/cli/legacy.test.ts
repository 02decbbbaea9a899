import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { resolveConfig } from '../../cli/config/load.ts';
import { handedOn } from '../legacy/feeds.ts';
import { databaseAlone, smallConfig } from './command-line.ts';

const alone = await databaseAlone();
after(() => alone.stop());

const stamp = new Date()
  .toISOString()
  .replace('T', ' ')
  .replace(/\.\d+Z/, '+0000');
const LOG = [
  'type,timeLogged,rcpt,dsnDiag,dsnMta,header_Message-Id',
  `d,${stamp},a@one.example,smtp;250 OK,mx1.google.com (192.0.2.1),<a@shop.example>`,
  `b,${stamp},b@one.example,smtp;550 5.1.1 no such user,mx1.google.com (192.0.2.1),<b@shop.example>`,
  'd,broken',
  '',
].join('\r\n');

test('legacy import and legacy tail -: a log is read, again nothing is new; legacy status says how it fares', async () => {
  await handedOn(alone.store, { messageId: '<a@shop.example>', rcpt: 'a@one.example', at: Date.now() - 1_000 });
  const file = path.join(alone.folder, 'acct.csv');
  await writeFile(file, LOG);
  const first = await alone.run('legacy', 'import', file, '--format', 'powermta', '--feed', 'pmta', '--json');
  assert.equal(first.code, 0, first.stderr);
  const { files, feed } = JSON.parse(first.stdout);
  assert.equal(feed, 'pmta');
  const { events, kept, repeated, joined, unreadable } = files[0];
  assert.deepEqual(
    { events, kept, repeated, joined, unreadable },
    { events: 2, kept: 2, repeated: 0, joined: 1, unreadable: 1 },
  );
  const piped = await alone.runWith(LOG, 'legacy', 'tail', '-', '--format', 'powermta', '--feed', 'pmta');
  assert.equal(piped.code, 0, piped.stderr);
  assert.match(piped.stdout, /2 events read, 0 new/);
  const status = await alone.run('legacy', 'status');
  assert.match(status.stdout, /pmta +powermta +2 .* 50\.0% +2 records unreadable/);
  const json = JSON.parse((await alone.run('legacy', 'status', '--json')).stdout);
  assert.deepEqual([json.feeds[0].events, json.feeds[0].repeated, json.feeds[0].joined], [2, 2, 1]);
});

test('what is missing is named', async () => {
  const file = path.join(alone.folder, 'acct.csv');
  const fails = async (args: readonly string[], says: RegExp) => {
    const ran = await alone.run('legacy', ...args);
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, says);
  };
  await fails(['import', file], /say which feed: --feed NAME, or --format FORMAT/);
  await fails(['import', file, '--feed', 'nobody'], /there is no feed "nobody" in the configuration/);
  await fails(['import', file, '--format', 'sendmail'], /--format is one of powermta, /);
  await fails(['import', file, '--format', 'csv'], /needs a mapping/);
  await fails(['import', '/nowhere', '--format', 'exim'], /there is no file \/nowhere/);
  await fails(['import', file, '--format', 'exim', '--feed', 'pmta'], /is of format powermta, not exim/);
  await fails(['tail', '--format', 'exim'], /names no files/);
});

test('feeds in the configuration', () => {
  const config = (legacy: object) =>
    resolveConfig({ ...smallConfig(), legacy }, '/etc/rampart.config.ts', { KEY: 'x' }).legacy;
  const fails = (legacy: object, says: RegExp) =>
    assert.throws(
      () => config(legacy),
      (error: Error & { problems?: string[] }) => says.test(error.problems?.join('\n') ?? ''),
    );
  const { feeds, listener } = config({
    listener: {},
    feeds: {
      pmta: { format: 'powermta', files: ['log/acct-*.csv'], timeZone: 'Europe/Berlin' },
      mg: { format: 'mailgun', signingKey: { env: 'KEY' } },
    },
  });
  assert.deepEqual(listener, { host: '127.0.0.1', port: 2580 });
  assert.deepEqual(feeds, [
    { name: 'pmta', format: 'powermta', files: ['/etc/log/acct-*.csv'], timeZone: 'Europe/Berlin' },
    { name: 'mg', format: 'mailgun', files: [], webhook: { kind: 'mailgun', signingKey: 'x' } },
  ]);
  fails(
    { feeds: { mg: { format: 'mailgun', signingKey: 'x' } } },
    /legacy\.listener: expected a listener: feed "mg" has a webhook/,
  );
  fails({ feeds: { k: { format: 'kumomta' } } }, /nothing can arrive/);
  fails(
    { feeds: { p: { format: 'postfix', pools: ['marketing'], files: ['x'] } } },
    /legacy\.feeds\.p\.pools: "marketing" is no pool with an upstream: there is none/,
  );
  fails({ listener: { host: '0.0.0.0' }, feeds: {} }, /legacy\.listener\.tls: expected a certificate/);
  fails({ listener: {}, feeds: { sg: { format: 'sendgrid', publicKey: 'abc' } } }, /expected the verification key/);
  fails({ feeds: { p: { format: 'powermta', files: ['x'], timeZone: 'Berlin' } } }, /expected a time zone/);
  fails({ listener: {}, feeds: { s: { format: 'ses', topics: ['mine'] } } }, /expected the ARN of an SNS topic/);
});
