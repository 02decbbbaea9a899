/**
 * How fast another engine's log becomes events, format by format: a file of deliveries, deferrals and bounces, half of them
 * about mail of ours that the store has, read once and then once more. Prints events a second, and leaves
 * bench/out/events.json; no ratio.
 *
 *   make bench-events BENCH="--events 400000 --format powermta"
 */
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { logOf } from '../import/outcomes/formats.ts';
import { Intake } from '../legacy/intake.ts';
import { Providers } from '../legacy/providers.ts';
import { takeStream } from '../legacy/stream.ts';
import { createStore, type Store } from '../store/connect.ts';
import { removeEmbedded, startEmbedded } from '../store/embedded/start.ts';
import { openFeed } from '../store/legacy-feeds.ts';
import { migrate } from '../store/migrate.ts';
import { cpuSeconds } from './engines/cpu.ts';
import { OUT } from './place.ts';

const { values } = parseArgs({ options: { events: { type: 'string' }, format: { type: 'string' } } });
const count = Number(values.events ?? 400_000);
const FORMATS = { powermta: powerMta, postfix, exim, kumomta } as const;
type Benched = keyof typeof FORMATS;
const formats = (values.format === undefined ? Object.keys(FORMATS) : [values.format]) as Benched[];
const unknown = formats.find((one) => !Object.hasOwn(FORMATS, one));
if (unknown !== undefined || !(count >= 1_000)) {
  console.error(`--format is one of ${Object.keys(FORMATS).join(', ')}; --events 1000 or more`);
  process.exit(2);
}
const HOSTS = ['gmail-smtp-in.l.google.com', 'mx-eu.mail.am0.yahoodns.net', 'mx.one.example', 'mx01.mail.icloud.com'];

const folder = await mkdtemp(path.join(os.tmpdir(), 'rampart-legacy-bench-'));
await chmod(folder, 0o755);
const dataDir = path.join(folder, 'data');
const server = await startEmbedded({ dataDir });
const store = createStore(server.url, { max: 4 });
try {
  await migrate(store);
  await ours(store, Math.floor(count / 2));
  const results: Result[] = [];
  for (const format of formats) results.push(...(await measured(format)));
  await mkdir(OUT, { recursive: true });
  const machine = { cpus: os.cpus().length, model: os.cpus()[0]?.model ?? '', node: process.version };
  await writeFile(path.join(OUT, 'events.json'), `${JSON.stringify({ at: new Date(), machine, results }, null, 2)}\n`);
} finally {
  await store.end();
  await removeEmbedded(dataDir);
  await rm(folder, { recursive: true, force: true });
}

interface Result {
  readonly format: Benched;
  readonly round: string;
  readonly events: number;
  readonly joined: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** Of the reader and the database together. */
  readonly cpuMicrosPerEvent: number;
  readonly peakMegabytes: number;
}

async function measured(format: Benched): Promise<Result[]> {
  const file = path.join(folder, format);
  await write(file, format);
  const feed = await openFeed(store, format, format);
  const now = () => Date.now();
  const providers = new Providers(() => Promise.reject(new Error('no DNS here')), now);
  const results: Result[] = [];
  for (const round of ['new', 'known already']) {
    const intake = new Intake({ store, feed, providers, traceKey: null, now, keepDays: 45, log: console.error });
    const roots = [process.pid, server.pid];
    const used = cpuSeconds(roots);
    const began = performance.now();
    const sum = await takeStream(
      createReadStream(file, { encoding: 'utf8', highWaterMark: 1024 * 1024 }),
      logOf({ format }, now),
      intake,
    );
    if (sum.events < count || sum.unreadable > 0) throw new Error(`${format}: ${JSON.stringify(sum)} of ${count}`);
    const seconds = (performance.now() - began) / 1_000;
    const result: Result = {
      ...{ format, round, events: sum.events, joined: sum.joined, seconds: Number(seconds.toFixed(1)) },
      eventsPerSecond: Math.round(sum.events / seconds),
      cpuMicrosPerEvent: Math.round(((cpuSeconds(roots) - used) * 1_000_000) / sum.events),
      peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1_024),
    };
    console.log(JSON.stringify(result));
    results.push(result);
  }
  return results;
}

/** Mail that an upstream took: what events are joined with. */
async function ours(db: Store, messages: number): Promise<void> {
  await db.query(
    `with m as (
       insert into messages (body_id, batch, message_id, mail_from, pool, tenant, stream, segment, campaign, recipients)
       select 0, gen_random_uuid(), '<m' || n || '@shop.example>', 'b@shop.example', 'front', 'shop', 'marketing', 'all',
         'spring', 1 from generate_series(0, $1::int - 1) n returning id, message_id
     )
     insert into attempts (recipient, message, address, provider, at, number, first_at, unit, severity, class, scope, rule,
       reply, final, campaign, tenant, process, rcpt)
     select id, id, null, 'upstream', now() - interval '1 hour', 1, now() - interval '1 hour', false, 'relayed', 'delivered',
       'message', 'relayed', '250 OK', true, 'spring', 'shop', 'mta-1',
       'reader' || substr(message_id, 3, strpos(message_id, '@') - 3) || '@domain.example' from m`,
    [messages],
  );
  await db.query('vacuum analyze messages');
  await db.query('vacuum analyze attempts');
}

async function write(file: string, format: Benched): Promise<void> {
  const out = createWriteStream(file);
  const start = Date.now() - 3_600_000;
  if (format === 'powermta')
    out.write(
      'type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,srcType,srcMta,dlvType,dlvSourceIp,dlvDestinationIp,dlvEsmtpAvailable,dlvSize,vmta,jobId,envId,queue,vmtaPool,header_Message-Id\r\n',
    );
  for (let n = 0; n < count; n++) {
    const at = new Date(start + (n * 3_500_000) / count).toISOString();
    if (!out.write(FORMATS[format](n, at))) await once(out, 'drain');
  }
  out.end();
  await finished(out);
}

function powerMta(n: number, at: string): string {
  const time = `${at.slice(0, 10)} ${at.slice(11, 19)}+0000`;
  const host = HOSTS[n % 4];
  const [type, action, status, diag, category] =
    n % 20 === 0
      ? [
          'b',
          'failed',
          '5.1.1 (bad destination mailbox address)',
          '"smtp;550 5.1.1 The email account, that you tried to reach does not exist"',
          'bad-mailbox',
        ]
      : n % 10 === 1
        ? ['t', 'delayed', '4.2.2 (mailbox full)', 'smtp;452 4.2.2 The recipient mailbox is over quota', 'quota-issues']
        : ['d', 'relayed', '2.0.0 (success)', 'smtp;250 2.0.0 OK 1700000000 a1-20020a170906abc - gsmtp', 'success'];
  return `${type},${time},${time},bounce@shop.example,reader${n}@domain.example,,${action},${status},${diag},${host} (192.0.2.1),${category},smtp,app (192.0.2.9),smtp,198.51.100.8,192.0.2.1,"ENHANCEDSTATUSCODES,PIPELINING,8BITMIME,SIZE",34567,vmta1,spring,,domain.example/vmta1,pool1,<m${n}@shop.example>\r\n`;
}

function postfix(n: number, at: string): string {
  const id = (0x1000000000 + n).toString(16).toUpperCase();
  const begin = `${at} relay postfix`;
  return [
    `${begin}/cleanup[1427]: ${id}: message-id=<m${n}@shop.example>`,
    `${begin}/qmgr[1409]: ${id}: from=<bounce@shop.example>, size=299, nrcpt=1 (queue active)`,
    `${begin}/smtp[1429]: ${id}: to=<reader${n}@domain.example>, relay=${HOSTS[n % 4]}[192.0.2.1]:25, delay=0.17, delays=0.03/0.02/0.11/0, dsn=2.0.0, status=sent (250 2.0.0 OK 1700000000 - gsmtp)`,
    `${begin}/qmgr[1409]: ${id}: removed`,
    '',
  ].join('\n');
}

function exim(n: number, at: string): string {
  const begin = `${at.slice(0, 10)} ${at.slice(11, 19)} +0000 1x${n.toString(36).padStart(4, '0')}-0000Mh-2b`;
  return [
    `${begin} <= bounce@shop.example H=(app.shop.example) [127.0.0.1] P=esmtp S=283 id=m${n}@shop.example`,
    `${begin} => reader${n}@domain.example R=out T=remote H=${HOSTS[n % 4]} [192.0.2.1] C="250 2.0.0 OK 1700000000 - gsmtp"`,
    `${begin} Completed`,
    '',
  ].join('\n');
}

function kumomta(n: number, at: string): string {
  const [type, code, content] =
    n % 20 === 0 ? ['Bounce', 550, '5.1.1 no such user'] : ['Delivery', 250, 'OK 1700000000 - gsmtp'];
  return `${JSON.stringify({
    ...{ type, id: n.toString(16).padStart(32, '0'), sender: 'bounce@shop.example', queue: 'domain.example' },
    ...{ recipient: `reader${n}@domain.example`, site: 'mx', size: 4_096, nodeid: 'node-1', egress_pool: 'pool1' },
    response: { code, enhanced_code: null, content, command: null },
    peer_address: { name: HOSTS[n % 4], addr: '192.0.2.1' },
    ...{ timestamp: Math.floor(Date.parse(at) / 1_000), event_time: at, num_attempts: 0 },
    ...{ meta: {}, headers: { 'Message-ID': `<m${n}@shop.example>` } },
  })}\n`;
}
