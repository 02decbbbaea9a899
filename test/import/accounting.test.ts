import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { sumOf } from '../../cli/import/log-file.ts';
import { NotALog, Tally, type TallyOptions } from '../../import/accounting/tally.ts';
import { dayReader, timeReader } from '../../import/times.ts';

const folder = await mkdtemp(path.join(tmpdir(), 'rampart-logs-'));
after(() => rm(folder, { recursive: true, force: true }));

const OPTIONS: TallyOptions = {
  timeZone: 'UTC',
  dayZone: 'UTC',
  since: Date.UTC(2026, 10, 1),
  until: Date.UTC(2026, 10, 30),
};

function sum(text: string, over: Partial<TallyOptions> = {}, size = 7) {
  const tally = new Tally({ ...OPTIONS, ...over });
  for (let at = 0; at < text.length; at += size) tally.take(text.slice(at, at + size));
  return tally.end();
}

const HEADER = 'type,timeLogged,orig,rcpt,dsnDiag,dsnMta,dlvSourceIp,vmta';
const delivery = (at: string, over: { mta?: string; ip?: string; rcpt?: string } = {}) =>
  `d,${at},a@example.com,${over.rcpt ?? 'u@gmail.com'},"smtp;250 OK, queued ""x""",${over.mta ?? 'gmail-smtp-in.l.google.com (192.0.2.1)'},${over.ip ?? '198.51.100.8'},v1`;

test('deliveries are added up by address, provider and day; every type is counted', () => {
  const text = [
    HEADER,
    delivery('2026-11-03 10:00:00+0000'),
    delivery('2026-11-03 23:59:59+0000'),
    delivery('2026-11-04 00:00:01+0000', { mta: 'mx-eu.mail.am0.yahoodns.net (192.0.2.2)', rcpt: 'u@shop.example' }),
    delivery('2026-11-04 00:00:02+0000', { mta: '', rcpt: 'u@hotmail.de' }),
    ...['b', 't', 'tq', 'r', 'rb', 'rs', 'f'].map((type) => `${type},2026-11-04 01:00:00+0000,,,,,,`),
    delivery('2026-10-01 10:00:00+0000'),
    delivery('2026-11-04 10:00:00+0000', { ip: '' }),
    delivery('2026-11-04 10:00:00+0000').slice(0, 30),
  ].join('\r\n');
  const { days, types, records, outside, addressless, unreadable, format } = sum(text);
  assert.deepEqual(days, [
    { address: '198.51.100.8', provider: 'google', day: '2026-11-03', messages: 2 },
    { address: '198.51.100.8', provider: 'yahoo', day: '2026-11-04', messages: 1 },
    { address: '198.51.100.8', provider: 'microsoft-consumer', day: '2026-11-04', messages: 1 },
  ]);
  assert.deepEqual(types, { b: 1, d: 6, f: 1, r: 1, rb: 1, rs: 1, t: 1, tq: 1 });
  assert.deepEqual(
    { records, outside, addressless, unreadable, format },
    {
      records: 13,
      outside: 1,
      addressless: 1,
      unreadable: 1,
      format: 'powermta',
    },
  );
});

test('columns may come in any order and be joined by others; a header in the middle begins a new order', () => {
  const text = [
    'type,dlvSourceIp,x,timeLogged,dsnMta,rcpt',
    'd,198.51.100.8,,1793700000,gmail-smtp-in.l.google.com (1.2.3.4),u@gmail.com',
    'type,timeLogged,rcpt,dlvSourceIp',
    'd,1793700000,u@gmail.com,198.51.100.8',
    '',
  ].join('\n');
  assert.deepEqual(sum(text).days, [{ address: '198.51.100.8', provider: 'google', day: '2026-11-03', messages: 2 }]);
});

test('a time without offset is of the zone that is given; days are those of the lanes', () => {
  const read = timeReader('America/New_York');
  assert.equal(read('2026-11-03 23:30:00'), Date.UTC(2026, 10, 4, 4, 30));
  assert.equal(read('2026-07-03 23:30:00'), Date.UTC(2026, 6, 4, 3, 30));
  assert.equal(read('2026-11-03 23:30:00+0100'), Date.UTC(2026, 10, 3, 22, 30));
  assert.equal(read('2026-11-03T23:30:00.123456Z'), Date.UTC(2026, 10, 3, 23, 30, 0, 123));
  assert.equal(read('1793700000'), 1_793_700_000_000);
  assert.equal(read('yesterday'), undefined);
  assert.equal(dayReader('Asia/Tokyo')(Date.UTC(2026, 10, 3, 15)), '2026-11-04');
  assert.equal(dayReader('Asia/Kolkata')(Date.UTC(2026, 10, 3, 18, 29)), '2026-11-03');
});

const kumo = (over: object = {}) =>
  JSON.stringify({
    type: 'Delivery',
    id: 'x',
    recipient: 'u@gmail.com',
    peer_address: { name: 'gmail-smtp-in.l.google.com.', addr: '192.0.2.1' },
    timestamp: 1_793_700_000,
    egress_source: 'ip-1',
    source_address: { address: '198.51.100.8:41234' },
    delivery_protocol: 'ESMTP',
    reception_protocol: 'HTTP',
    ...over,
  });

test('KumoMTA records: only mail counts, batches by recipient, a last line that is cut off does not', () => {
  const text = [
    kumo(),
    kumo({ recipient: ['a@gmail.com', 'b@gmail.com'], event_time: '2026-11-04T08:00:00.5Z' }),
    kumo({ reception_protocol: 'LogRecord' }),
    kumo({ delivery_protocol: 'HTTP' }),
    kumo({ type: 'TransientFailure' }),
    kumo({ type: 'Bounce' }),
    kumo().slice(0, 40),
  ].join('\n');
  const { days, types, unreadable, format } = sum(text);
  assert.deepEqual(days, [
    { address: '198.51.100.8', provider: 'google', day: '2026-11-03', messages: 1 },
    { address: '198.51.100.8', provider: 'google', day: '2026-11-04', messages: 2 },
  ]);
  assert.deepEqual([types, unreadable, format], [{ Bounce: 1, Delivery: 4, TransientFailure: 1 }, 1, 'kumomta']);
});

test('the head of a file stays the same while it grows, and tells it from others', () => {
  const one = [HEADER, delivery('2026-11-03 10:00:00+0000'), delivery('2026-11-03 11:00:00+0000'), ''];
  const grown = sum(one.join('\n')).head;
  assert.equal(sum(one.slice(0, 2).join('\n')).head, grown);
  assert.notEqual(sum([HEADER, one[2]].join('\n')).head, grown);
});

test('any text is added up without a crash, or refused as no log', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('', `${HEADER}\n`, `${kumo()}\n`), (text, begin) => {
      try {
        sum(begin + text);
      } catch (error) {
        assert.ok(error instanceof NotALog);
      }
    }),
  );
});

test('files are read plain, with gzip and with zstd; one that is still being written counts as far as it goes', async () => {
  const text = Array.from({ length: 2_000 }, () => kumo()).join('\n');
  const named = async (name: string, bytes: string | Buffer) => {
    const file = path.join(folder, name);
    await writeFile(file, bytes);
    return file;
  };
  for (const [name, bytes] of [
    ['plain', text],
    ['gzip', gzipSync(text)],
    ['zstd', zstdCompressSync(text)],
  ] as const) {
    const { records, cutOff } = await sumOf(await named(name, bytes), OPTIONS);
    assert.deepEqual([name, records, cutOff], [name, 2_000, false]);
  }
  const packed = gzipSync(text);
  const half = await sumOf(await named('half.gz', packed.subarray(0, packed.length - 20)), OPTIONS);
  assert.equal(half.cutOff, true);
  // Segments are made of frames; the last one of a live file is not whole.
  const frames = Buffer.concat([zstdCompressSync(`${text}\n`), zstdCompressSync(text).subarray(0, 60)]);
  assert.ok((await sumOf(await named('half.zst', frames), OPTIONS)).records >= 2_000);
  await assert.rejects(sumOf(await named('none', 'hello world\n'), OPTIONS), /begins neither with the header/);
});
