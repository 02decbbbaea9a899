/** Real engines as the legacy arm: our MTA hands mail to Postfix and to Exim, and what became of it is read in their logs. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { startPostfix } from '../../lab/postfix.ts';
import type { FeedSettings } from '../../legacy/settings.ts';
import { startLegacy } from '../../legacy/start.ts';
import { takeStream } from '../../legacy/stream.ts';
import type { UpstreamSettings } from '../../mta/upstream/settings.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { eximPlace } from '../../setup/steps/exim.ts';
import { startDatabases } from '../mta/databases.ts';
import { MailWorld, until } from '../mta/mail-world.ts';
import { startSink } from '../mta/sinks.ts';
import { startExim } from './exim.ts';
import { feedOf } from './feeds.ts';

const databases = await startDatabases();
after(() => databases.stop());

const SINK = '127.30.12.1';
const DOMAIN = 'provider.example';
const FRONT = 'front';
const PATIENCE_MS = 120_000;

/** What a provider answers, by the recipient's name. */
const ANSWERS = {
  rcpt: (rcpt: string, _from: string, before: number) => {
    if (rcpt.startsWith('gone')) return '550 5.1.1 The email account that you tried to reach does not exist';
    if (rcpt.startsWith('busy') && before === 0) return '451 4.7.1 Greylisted, please try again later';
    if (rcpt.startsWith('full')) return '452 4.2.2 The recipient mailbox is over quota';
    return null;
  },
  data: (rcpt: string) =>
    rcpt.startsWith('blocked') ? '554 5.7.1 Our system has detected that your IP is listed' : null,
  pipelining: false,
};

interface Engine {
  readonly port: number;
  readonly log: string;
  stop(): Promise<void>;
}

async function play(context: Parameters<typeof MailWorld.start>[0], feed: 'postfix' | 'exim', engine: Engine) {
  const world = await MailWorld.start(context, databases);
  const upstream: UpstreamSettings = {
    ...{ pool: FRONT, hosts: [{ host: '127.0.0.1', port: engine.port }], tls: 'none' },
    ...{ connections: 4, messagesPerConnection: 20 },
  };
  await world.pool(FRONT, 'warm-peers', [`127.0.0.1:${engine.port}`]);
  const settings: FeedSettings = { name: feed, format: feed, files: [engine.log] };
  const legacy = await startLegacy({
    store: world.store,
    feeds: [settings],
    resolveMx: async () => [{ exchange: 'mx.yahoodns.net', priority: 10 }],
    fetch: () => Promise.reject(new Error('nothing is fetched')),
    traceKey: null,
    keepDays: 45,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    log: () => {},
  });
  context.after(() => legacy.stop());
  const names = ['Anna', 'gone', 'busy', 'full', 'blocked'];
  for (const name of names) {
    await world.mail(1, {
      pool: FRONT,
      segment: 'engaged',
      recipients: [{ rcpt: `${name}@${DOMAIN}`, domain: DOMAIN, provider: null }],
    });
  }
  await world.mta('mta-1', { upstreams: [upstream] });
  const kinds = async () => {
    const { rows } = await world.store.query(
      `select a.rcpt, array_agg(distinct e.kind) as kinds, array_agg(distinct e.class) as classes
       from legacy_events e join attempts a on a.recipient = e.recipient group by a.rcpt`,
    );
    return new Map<string, { kinds: string[]; classes: (string | null)[] }>(
      rows.map((row) => [row.rcpt.split('@')[0], row]),
    );
  };
  await until(
    'every one has ended',
    async () => {
      const told = await kinds();
      return (
        told.get('Anna')?.kinds.includes('delivered') === true &&
        told.get('busy')?.kinds.includes('delivered') === true &&
        told.get('gone')?.kinds.includes('hard') === true &&
        told.get('full')?.kinds.some((kind) => kind === 'expired' || (feed === 'exim' && kind === 'deferred')) ===
          true &&
        (told.get('blocked')?.kinds.length ?? 0) > 0
      );
    },
    PATIENCE_MS,
  );
  return { world, legacy, settings, kinds };
}

async function check({ world, legacy, settings, kinds }: Awaited<ReturnType<typeof play>>, log: string) {
  const told = await kinds();
  // A busy machine may cut a connection: what it put off and tried again is no failure of this test.
  const ended = (name: string) => told.get(name)?.kinds.filter((kind) => kind !== 'deferred');
  assert.deepEqual(ended('Anna'), ['delivered']);
  assert.deepEqual(ended('gone'), ['hard']);
  assert.ok(told.get('gone')?.classes.includes('recipient'));
  assert.ok(told.get('full')?.classes.includes('mailbox-full'));
  assert.ok(['blocked', 'soft'].includes(told.get('blocked')?.kinds[0] ?? ''));
  // The whole log once more changes nothing.
  await legacy.stop();
  const all = async () => (await world.store.query('select * from legacy_events order by id')).rows;
  const before = await all();
  const { reading, intake } = await feedOf(world.store, settings);
  const text = await readFile(log, 'utf8');
  await takeStream(
    (async function* () {
      yield text;
    })(),
    reading,
    intake,
  );
  const again = await all();
  const keys = new Set(before.map((row) => row.key.toString('hex')));
  const since = again.filter((row) => !keys.has(row.key.toString('hex')));
  // The engine went on writing between the two: what is new happened later.
  const stopped = before.reduce((last, row) => Math.max(last, row.noted_at.getTime()), 0);
  assert.deepEqual(
    since.filter((row) => row.at.getTime() < stopped - 3_000),
    [],
  );
  assert.deepEqual(again.slice(0, before.length), before);
}

const postfixHere = process.getuid?.() === 0 && existsSync('/usr/sbin/postfix');

// One after the other: two engines that look for a free port at once may be given the same.
describe('engines that are not ours', () => {
  test('Postfix: its log says what became of each recipient', {
    skip: postfixHere ? false : 'needs Postfix, as root: setup/setup.sh --lab',
  }, async (context) => {
    const port = await freePort();
    const sink = await startSink(SINK, port, ANSWERS);
    const postfix = await startPostfix({
      port: await freePort(),
      settings: {
        myhostname: 'relay.example',
        relayhost: `[${SINK}]:${port}`,
        smtp_destination_recipient_limit: 1,
        minimal_backoff_time: '1s',
        maximal_backoff_time: '1s',
        queue_run_delay: '1s',
        // Long enough that what is put off once is tried again first, on a busy machine as well.
        maximal_queue_lifetime: '15s',
        bounce_queue_lifetime: '1s',
      },
    });
    context.after(() => Promise.all([sink.stop(), postfix.stop()]));
    const played = await play(context, 'postfix', { port: postfix.port, log: postfix.logFile, stop: postfix.stop });
    await check(played, postfix.logFile);
  });

  test('Exim: the same', {
    skip: existsSync(eximPlace().program) ? false : 'needs Exim: setup/setup.sh --lab',
  }, async (context) => {
    const port = await freePort();
    const sink = await startSink('127.30.12.2', port, ANSWERS);
    const exim = await startExim({ ip: '127.30.12.2', port });
    context.after(async () => {
      await exim.stop();
      await sink.stop();
    });
    const played = await play(context, 'exim', { port: exim.port, log: exim.mainLog, stop: exim.stop });
    await check(played, exim.mainLog);
    assert.equal(path.basename(exim.mainLog), 'mainlog');
  });
});
