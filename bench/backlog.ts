/**
 * What a backlog costs: the rate at which mail goes through with few messages waiting and with many, and the same while a
 * long report holds an old snapshot, so that no dead row can be removed. Leaves bench/out/backlog.json.
 *
 * Two backlogs, because they are met in different ways: `deferred` mail belongs to its lanes and is due later, and new mail
 * goes past it; `ready` mail is due now, and the rate is that at which it drains.
 *
 * Options: --many N (1000000), --few N (10000), --messages N (20000), --reader SECONDS (600) | 0, --kind deferred,ready
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createStore, type Store } from '../store/connect.ts';
import { migrate } from '../store/migrate.ts';
import { type RampartEngine, startRampart } from './engines/rampart.ts';
import { measure } from './measure.ts';
import { makePlace, OUT } from './place.ts';

const { values } = parseArgs({
  options: {
    many: { type: 'string', default: '1000000' },
    few: { type: 'string', default: '10000' },
    messages: { type: 'string', default: '20000' },
    reader: { type: 'string', default: '600' },
    kind: { type: 'string', default: 'deferred,ready' },
  },
});
const KINDS = ['deferred', 'ready'] as const;
const messages = Number(values.messages);
const readerMs = Number(values.reader) * 1_000;

interface Row {
  readonly kind: (typeof KINDS)[number];
  readonly backlog: number;
  readonly reader: boolean;
  readonly rate: number;
  readonly megabytes: number;
}

const rows: Row[] = [];
const place = await makePlace();
try {
  for (const kind of KINDS.filter((one) => values.kind.split(',').includes(one))) {
    for (const backlog of [Number(values.few), Number(values.many)]) rows.push(await run(kind, backlog, 0));
    if (readerMs > 0) rows.push(await run(kind, Number(values.many), readerMs));
  }
  await writeFile(path.join(OUT, 'backlog.json'), `${JSON.stringify(rows, null, 2)}\n`);
  for (const row of rows) {
    const base = rows.find((other) => other.kind === row.kind)?.rate ?? row.rate;
    const reader = row.reader ? ' with a reader' : '';
    console.log(
      `${row.kind} ${row.backlog}${reader}: ${row.rate}/s, × ${(row.rate / base).toFixed(2)}, largest process ${row.megabytes} MB`,
    );
  }
} finally {
  await place.stop();
}

/** One row: a new database with the backlog, the MTA on it, `messages` through it; with a reader until it is over. */
async function run(kind: Row['kind'], backlog: number, readMs: number): Promise<Row> {
  const url = await place.database(`${kind}_${backlog}_${readMs}`);
  const store = createStore(url, { max: 2 });
  await migrate(store);
  await fill(store, kind, backlog);
  const reader = readMs > 0 ? await openReader(url) : undefined;
  const began = performance.now();
  const engine = await startRampart(url, place.target, { name: `rampart-${kind}-${backlog}`, logs: OUT });
  try {
    const rates: number[] = [];
    do {
      rates.push(kind === 'deferred' ? await passing(engine) : await draining(engine, backlog));
      console.log(`${kind} ${backlog}: ${rates.at(-1)}/s after ${Math.round((performance.now() - began) / 1_000)} s`);
    } while (performance.now() - began < readMs && (kind === 'deferred' || (await left(store)) > 2 * messages));
    // With a reader the last rate counts: by then every row that went is a dead one that is still there.
    const rate = readMs > 0 ? (rates.at(-1) ?? 0) : Math.max(...rates);
    return { kind, backlog, reader: readMs > 0, rate, megabytes: engine.peakMegabytes() ?? 0 };
  } finally {
    await engine.stop();
    await reader?.();
    await store.end();
  }
}

async function passing(engine: RampartEngine): Promise<number> {
  await measure(engine, place, { messages: Math.round(messages / 10), bytes: 2_048 });
  return (await measure(engine, place, { messages, bytes: 2_048 })).rate;
}

/** Rate of the next part of the backlog, after a first piece that warms up. */
async function draining(_engine: RampartEngine, backlog: number): Promise<number> {
  const part = Math.min(messages, Math.floor(backlog * 0.7));
  const warm = await place.sink.took(place.sink.messages + Math.round(part / 10));
  const from = place.sink.messages;
  const last = await place.sink.took(from + part);
  return Math.round((part * 1_000) / (last - warm));
}

async function left(store: Store): Promise<number> {
  const { rows } = await store.query('select count(*)::int as n from queue');
  return rows[0].n;
}

/** A report that never ends: its snapshot keeps every row that was there when it began. */
async function openReader(url: string): Promise<() => Promise<void>> {
  const store = createStore(url, { max: 1, applicationName: 'reader' });
  const client = await store.connect();
  await client.query('begin isolation level repeatable read read only');
  await client.query('select count(*) from queue');
  return async () => {
    await client.query('commit');
    client.release();
    await store.end();
  };
}

/**
 * The backlog, as it would be: bodies of 2 KB, several tenants; deferred mail belongs to the lanes. Written by SQL
 * because a million messages through SMTP would take the benchmark's time; every index is the product's.
 */
async function fill(store: Store, kind: Row['kind'], backlog: number): Promise<void> {
  const client = await store.connect();
  await client.query(`select setval('messages_id_seq', $1::bigint)`, [backlog + 1]);
  for (let from = 1; from <= backlog; from += 50_000) {
    const to = Math.min(backlog, from + 49_999);
    await client.query(
      `with n as (select generate_series($1::bigint, $2::bigint) as n),
         b as (insert into bodies (id, raw, sweep) overriding system value
           select n, convert_to('Message-ID: <' || n || '@shop.example>' || E'\\r\\n\\r\\n' || repeat('waiting mail ', 150) || E'\\r\\n', 'UTF8'), false from n),
         m as (insert into messages (id, body_id, batch, message_id, mail_from, pool, tenant, stream, segment, campaign, recipients)
           overriding system value
           select n, n, gen_random_uuid(), '<' || n || '@shop.example>', 'news@shop.example', 'bench', 'tenant-' || n % 7,
             'marketing', 'all', 'spring', 1 from n)
       insert into queue (message, body_id, rcpt, domain, pool, tenant, stream, segment, campaign, provider, address, attempts,
         first_attempt, due, expires, reason)
       select n, n, 'r' || n || '@' || $3, $3, 'bench', 'tenant-' || n % 7, 'marketing', 'all', 'spring', 'other',
         case when $4 then ('127.31.1.' || 1 + n % 8)::inet end, $4::bool::int, case when $4 then now() end,
         now() + case when $4 then interval '2 hours' + n * interval '1 ms' else -interval '1 hour' + n * interval '1 ms' end,
         now() + interval '3 days', case when $4 then '451 4.7.0 try again later' end
       from n`,
      [from, to, place.target.domain, kind === 'deferred'],
    );
  }
  await client.query('vacuum analyze');
  client.release();
  await sleep(1_000);
}
