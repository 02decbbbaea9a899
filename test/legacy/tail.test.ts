import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, copyFile, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import type { FormatSettings } from '../../import/outcomes/formats.ts';
import { FeedTail } from '../../legacy/tail.ts';
import { createStore, type Store } from '../../store/connect.ts';
import { startDatabases } from '../mta/databases.ts';
import { until } from '../mta/mail-world.ts';
import { feedOf } from './feeds.ts';

const databases = await startDatabases();
const folder = await mkdtemp(path.join(os.tmpdir(), 'rampart-tail-'));
after(async () => {
  await databases.stop();
  await rm(folder, { recursive: true, force: true });
});

const HEADER = 'type,timeLogged,rcpt,dsnDiag,dsnMta,header_Message-Id\r\n';
const now = new Date();
const stamp = now
  .toISOString()
  .replace('T', ' ')
  .replace(/\.\d+Z/, '+0000');
const row = (n: number) =>
  `d,${stamp},r${n}@one.example,smtp;250 OK,mx1.google.com (192.0.2.1),<m${n}@shop.example>\r\n`;
const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => row(from + n)).join('');

async function world(context: { after(work: () => Promise<void>): void }) {
  const store = createStore(await databases.create(), { max: 4 });
  context.after(() => store.end());
  const place = await mkdtemp(path.join(folder, 'case-'));
  return { store, place, log: path.join(place, 'acct.csv') };
}

async function tail(
  store: Store,
  files: readonly string[],
  settings: FormatSettings = { format: 'powermta' },
  monotonic: () => number = () => performance.now(),
) {
  const { reading, intake, positions, log } = await feedOf(store, { name: 'feed', ...settings });
  return new FeedTail({ feed: 'feed', files, reading, intake, positions, now: monotonic, log });
}

const numbers = async (store: Store) =>
  (
    await store.query(`select substr(rcpt, 2, strpos(rcpt, '@') - 2)::int as n from legacy_events order by id`)
  ).rows.map((one) => one.n as number);
const range = (to: number) => Array.from({ length: to }, (_, n) => n);

describe('a log that is followed', () => {
  test('in pieces: a last line waits until it is whole', async (context) => {
    const { store, log } = await world(context);
    const followed = await tail(store, [log]);
    await followed.look();
    await writeFile(log, HEADER.slice(0, 10));
    await followed.look();
    await appendFile(log, HEADER.slice(10) + row(0) + row(1).slice(0, 30));
    await followed.look();
    assert.deepEqual(await numbers(store), [0]);
    await appendFile(log, row(1).slice(30));
    await followed.look();
    assert.deepEqual(await numbers(store), [0, 1]);
    const { rows: places } = await store.query('select position, name from legacy_positions');
    assert.deepEqual(places, [{ position: HEADER.length + row(0).length + row(1).length, name: log }]);
    await followed.stop();
  });

  test('goes on where it was after a restart, also under another name and in its middle', async (context) => {
    const { store, log, place } = await world(context);
    await writeFile(log, HEADER + rows(0, 3) + row(3).slice(0, 20));
    const first = await tail(store, [log]);
    await first.look();
    await first.stop();
    assert.deepEqual(await numbers(store), range(3));
    // Rotated while nobody looked: the rest of it, then the new one.
    await appendFile(log, row(3).slice(20) + rows(4, 6));
    await rename(log, path.join(place, 'acct.csv.1'));
    await writeFile(log, HEADER + rows(6, 8));
    const second = await tail(store, [log]);
    second.start();
    await until('both are read', async () => (await numbers(store)).length === 8);
    await second.stop();
    assert.deepEqual(
      (await numbers(store)).sort((a, b) => a - b),
      range(8),
    );
    const { rows: feeds } = await store.query('select events, repeated, unreadable from legacy_feeds');
    assert.deepEqual(feeds, [{ events: 8, repeated: 0, unreadable: 0 }], 'nothing was read twice');
  });

  test('renamed while it is followed: read to its end, then the new one', async (context) => {
    const { store, log, place } = await world(context);
    let clock = 0;
    const followed = await tail(store, [log], undefined, () => clock);
    await writeFile(log, HEADER + rows(0, 2));
    await followed.look();
    await rename(log, path.join(place, 'acct.csv.1'));
    await writeFile(log, HEADER + rows(4, 5));
    // The engine holds the old file for a moment still, and its last line has no end.
    await appendFile(path.join(place, 'acct.csv.1'), rows(2, 3) + row(3).trimEnd());
    await followed.look();
    clock += 10_000;
    await followed.look();
    assert.deepEqual(
      (await numbers(store)).sort((a, b) => a - b),
      range(5),
    );
    await followed.stop();
  });

  test('truncated: the new content is read from its beginning, what was only in the copy as well', async (context) => {
    const { store, log, place } = await world(context);
    const followed = await tail(store, [log]);
    await writeFile(log, HEADER + rows(0, 3));
    await followed.look();
    // copytruncate: two more lines come between the last look and the copy.
    await appendFile(log, rows(3, 5));
    await copyFile(log, path.join(place, 'acct.csv.1'));
    await truncate(log, 0);
    await writeFile(log, HEADER + rows(5, 12));
    for (let look = 0; look < 3; look++) await followed.look();
    assert.deepEqual(
      (await numbers(store)).sort((a, b) => a - b),
      range(12),
    );
    await followed.stop();
  });

  test('many by a pattern; one that is gone is no error', async (context) => {
    const { store, place } = await world(context);
    for (let file = 0; file < 5; file++)
      await writeFile(path.join(place, `acct-${file}.csv`), HEADER + rows(file * 10, file * 10 + 10));
    await writeFile(path.join(place, 'diag-1.csv'), 'nothing of ours');
    const followed = await tail(store, [path.join(place, 'acct-*.csv'), path.join(place, 'never.csv')]);
    await followed.look();
    await rm(path.join(place, 'acct-0.csv'));
    await appendFile(path.join(place, 'acct-4.csv'), rows(50, 55));
    await followed.look();
    assert.deepEqual(
      (await numbers(store)).sort((a, b) => a - b),
      range(55),
    );
    await followed.stop();
  });

  test('packed with zstd: read as far as it is there, and again when it has grown', async (context) => {
    const { store, place } = await world(context);
    const line = (n: number) =>
      `${JSON.stringify({ type: 'Delivery', id: `i${n}`, nodeid: 'n', recipient: `r${n}@gmail.com`, event_time: now.toISOString(), response: { code: 250, content: 'OK' }, peer_address: { name: 'mx1.google.com' } })}\n`;
    const plain = path.join(place, 'plain');
    await writeFile(plain, range(300).map(line).join(''));
    execFileSync('zstd', ['-q', plain, '-o', `${plain}.zst`]);
    const packed = await readFile(`${plain}.zst`);
    const log = path.join(place, 'seg-1');
    await writeFile(log, packed.subarray(0, packed.length - 50));
    let clock = 0;
    const followed = await tail(store, [path.join(place, 'seg-*')], { format: 'kumomta' }, () => clock);
    await followed.look();
    const before = (await numbers(store)).length;
    assert.ok(before < 300);
    await writeFile(log, packed);
    clock += 10_000;
    await followed.look();
    assert.deepEqual(
      (await numbers(store)).sort((a, b) => a - b),
      range(300),
    );
    await followed.stop();
  });

  test('a queue id keeps its Message-ID over a restart of ours', async (context) => {
    const { store, place } = await world(context);
    const log = path.join(place, 'mail.log');
    const line = (text: string) => `${now.toISOString()} relay postfix/${text}\n`;
    await writeFile(
      log,
      line('cleanup[1]: AB12CD34: message-id=<m1@shop.example>') +
        line('cleanup[1]: EF12CD34: message-id=<m2@shop.example>') +
        line('qmgr[1]: EF12CD34: removed'),
    );
    const first = await tail(store, [log], { format: 'postfix' });
    await first.look();
    await first.stop();
    const { rows: open } = await store.query('select engine_id, message_id from legacy_open');
    assert.deepEqual(open, [{ engine_id: 'relay postfix AB12CD34', message_id: '<m1@shop.example>' }]);
    await appendFile(
      log,
      line(
        'smtp[1]: AB12CD34: to=<r1@one.example>, relay=mx1.google.com[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)',
      ) + line('qmgr[1]: AB12CD34: removed'),
    );
    const second = await tail(store, [log], { format: 'postfix' });
    await second.look();
    await second.stop();
    const { rows: events } = await store.query('select message_id, provider from legacy_events');
    assert.deepEqual(events, [{ message_id: '<m1@shop.example>', provider: 'google' }]);
    assert.equal((await store.query('select * from legacy_open')).rowCount, 0);
  });
});
