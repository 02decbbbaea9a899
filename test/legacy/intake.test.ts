import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { LegacyEvent } from '../../import/outcomes/event.ts';
import { recordOf } from '../../import/outcomes/formats.ts';
import { suppressTold } from '../../legacy/suppress.ts';
import { traceToken } from '../../policy/trace.ts';
import { armHours } from '../../store/arm-hours.ts';
import { createStore, type Store } from '../../store/connect.ts';
import { joinLegacyEvents } from '../../store/legacy-events.ts';
import { feedRows, openFeed, positionsOf } from '../../store/legacy-feeds.ts';
import { toldFailures } from '../../store/legacy-rollups.ts';
import { envelopeKey } from '../../store/recipient-key.ts';
import { dropOldLegacyEvents } from '../../store/retention.ts';
import { suppressionEntries, unsuppress } from '../../store/suppressions.ts';
import { startDatabases } from '../mta/databases.ts';
import { feedOf, handedOn, TRACE_KEY } from './feeds.ts';

const databases = await startDatabases();
after(() => databases.stop());

const HOUR = 3_600_000;

async function world(context: { after(work: () => Promise<void>): void }) {
  const store = createStore(await databases.create(), { max: 4 });
  context.after(() => store.end());
  return store;
}

const event = (over: Partial<LegacyEvent>): LegacyEvent => ({
  outcome: 'delivered',
  at: Date.now(),
  recipient: 'anna@one.example',
  messageId: '<a1@shop.example>',
  reply: { code: 250, text: 'OK' },
  host: 'mx1.google.com',
  address: '198.51.100.8',
  campaign: 'spring',
  identity: JSON.stringify(over),
  ...over,
});

describe('the intake', () => {
  test('keeps an event once, whoever says it how often, and joins it with the mail it is about', async (context) => {
    const store = await world(context);
    const at = Date.now() - HOUR;
    const recipient = await handedOn(store, { messageId: '<a1@shop.example>', rcpt: 'Anna@One.example', at });
    const { intake } = await feedOf(store, { name: 'pmta', format: 'powermta' });
    const events = [event({ at: at + 1_000 }), event({ at: at + 2_000, recipient: 'nobody@one.example' })];
    assert.deepEqual(await intake.take([...events, ...events]), { kept: 2, joined: 1, repeated: 2, tooOld: 0 });
    // Two who read the same log at once.
    const other = await feedOf(store, { name: 'pmta', format: 'powermta' });
    const both = await Promise.all([intake.take(events), other.intake.take(events)]);
    assert.deepEqual(
      both.map((one) => one.kept),
      [0, 0],
    );
    const { rows } = await store.query(
      'select rcpt, recipient, provider, kind, host(address) as address from legacy_events order by id',
    );
    assert.deepEqual(rows, [
      { rcpt: 'anna@one.example', recipient, provider: 'google', kind: 'delivered', address: '198.51.100.8' },
      { rcpt: 'nobody@one.example', recipient: null, provider: 'google', kind: 'delivered', address: '198.51.100.8' },
    ]);
    const [feed] = await feedRows(store);
    assert.deepEqual([feed?.events, feed?.repeated, feed?.lately, feed?.joined], [2, 6, 2, 1]);
    await assert.rejects(openFeed(store, 'pmta', 'exim'), /is of format powermta, not exim/);
  });

  test('an id that was used twice is the hand-over before the event; one that overtook its hand-over is found later', async (context) => {
    const store = await world(context);
    const { intake } = await feedOf(store, { name: 'pmta', format: 'powermta' });
    const at = Date.now() - 10 * HOUR;
    const mail = { messageId: '<a1@shop.example>', rcpt: 'anna@one.example' };
    const first = await handedOn(store, { ...mail, at });
    const second = await handedOn(store, { ...mail, at: at + 5 * HOUR, severity: 'in-doubt' });
    await intake.take([event({ at: at + HOUR }), event({ at: at + 6 * HOUR })]);
    const joined = async () =>
      (await store.query('select recipient from legacy_events order by id')).rows.map((row) => row.recipient);
    assert.deepEqual(await joined(), [first, second]);
    await intake.take([event({ messageId: '<early@shop.example>' })]);
    const late = await handedOn(store, { messageId: '<early@shop.example>', rcpt: mail.rcpt, at: Date.now() });
    const again = () => joinLegacyEvents(store, Date.now() - 60_000, Date.now() + 60_000, async () => {});
    assert.deepEqual([await again(), await again()], [1, 0]);
    assert.deepEqual(await joined(), [first, second, late]);
  });

  test('whose mailbox: the host that answered, a domain known by name, else DNS, asked once a domain', async (context) => {
    const store = await world(context);
    const asked: string[] = [];
    const { intake } = await feedOf(
      store,
      { name: 'sg', format: 'sendgrid' },
      {
        resolveMx: async (domain) => {
          asked.push(domain);
          if (domain === 'broken.example') throw new Error('SERVFAIL');
          return [{ exchange: 'mta5.am0.yahoodns.net', priority: 1 }];
        },
      },
    );
    const at = (recipient: string, host: string | null, outcome: LegacyEvent['outcome'] = 'delivered') =>
      event({ recipient, host, outcome, messageId: null, identity: `${recipient} ${host} ${outcome}` });
    await intake.take([
      at('a@own.example', 'gmail-smtp-in.l.google.com'),
      at('a@gmail.com', null),
      at('a@brand.example', null),
      at('b@Brand.Example', '192.0.2.1'),
      at('a@broken.example', null),
      at('a@unasked.example', null, 'accepted'),
    ]);
    await intake.take([at('c@brand.example', null), at('c@broken.example', null)]);
    const { rows } = await store.query('select rcpt, provider from legacy_events order by id');
    assert.deepEqual(
      rows.map((row) => [row.rcpt, row.provider]),
      [
        ['a@own.example', 'google'],
        ['a@gmail.com', 'google'],
        ['a@brand.example', 'yahoo'],
        ['b@brand.example', 'yahoo'],
        ['a@broken.example', 'other'],
        ['a@unasked.example', null],
        ['c@brand.example', 'yahoo'],
        ['c@broken.example', 'other'],
      ],
    );
    assert.deepEqual(asked.sort(), ['brand.example', 'broken.example']);
  });

  test('what is older than events are kept is counted and left out; odd bytes do not hold others up', async (context) => {
    const store = await world(context);
    const { intake } = await feedOf(store, { name: 'pmta', format: 'powermta' });
    const taken = await intake.take([
      event({ at: Date.now() - 46 * 24 * HOUR }),
      event({ at: Date.now() + 48 * HOUR }),
      event({ campaign: 'a\0b\ud800', address: 'not an address', reply: { code: 250, text: 'x'.repeat(5_000) } }),
      event({ recipient: 'ben@one.example' }),
    ]);
    assert.deepEqual(taken, { kept: 2, joined: 0, repeated: 0, tooOld: 2 });
    const { rows } = await store.query(
      'select campaign, address, length(reply) as length from legacy_events order by id limit 1',
    );
    assert.deepEqual(rows, [{ campaign: 'ab\ufffd', address: null, length: 500 }]);
  });

  test('events and the place they were read up to are one transaction, and a database that is away is waited for', async (context) => {
    const store = await world(context);
    const { intake, feed, said } = await feedOf(store, { name: 'pmta', format: 'powermta' });
    const stop = new AbortController();
    await store.query('alter table legacy_positions rename to away');
    const place = { positions: [{ file: 'f1', name: '/log', position: 77 }] };
    const taking = intake.take([event({})], place, stop.signal);
    while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.match(said[0] ?? '', /legacy-events-wait/);
    const { rows } = await store.query('select count(*)::int as n from legacy_events');
    assert.equal(rows[0].n, 0, 'no event without its place');
    await assert.rejects(intake.take([event({})], place), /legacy_positions/);
    await store.query('alter table away rename to legacy_positions');
    assert.equal((await taking).kept, 1);
    assert.deepEqual(await positionsOf(store, feed), [{ file: 'f1', name: '/log', position: 77 }]);
  });
});

/** Entries as `recipient scope target streams source actor, provisional`. */
async function suppressed(store: Store): Promise<string[]> {
  const { rows } = await store.query(
    `select recipient, scope, target, streams, source, actor, until is not null as provisional from suppressions
     order by recipient, scope`,
  );
  return rows.map((row) => `${Object.values(row).slice(0, 6).join(' ')}${row.provisional ? ', provisional' : ''}`);
}

const PMTA_COLUMNS =
  'type,timeLogged,orig,rcpt,dsnStatus,dsnDiag,dsnMta,bounceCat,feedbackType,header_Message-Id,header_X-Rampart-Trace';

describe('what the legacy arm reports stops mail as what we meet ourselves does', () => {
  const at = Date.now() - HOUR;
  const time = new Date(at).toISOString().replace('T', ' ').replace(/\..*/, '+0000');

  test('PowerMTA: dead mailboxes, and reports that return our token; others’ words and other failures stop nobody', async (context) => {
    const store = await world(context);
    const names = ['dead', 'full', 'angry', 'unproven', 'late', 'happy', 'nobodys'] as const;
    const ids = new Map<string, number>();
    for (const name of names.slice(0, 6)) {
      const mail = { messageId: `<${name}@shop.example>`, rcpt: `${name}@gmail.com`, at: at - 60_000 };
      ids.set(name, await handedOn(store, mail));
    }
    const trace = (name: string) => traceToken(ids.get(name) ?? 0, TRACE_KEY);
    const host = 'gmail-smtp-in.l.google.com (192.0.2.1)';
    const gone = 'smtp;550 5.1.1 no such user';
    const line = (type: string, name: string, more: Partial<Record<string, string>>, rcpt = `${name}@gmail.com`) => {
      const row: Record<string, string | undefined> = {
        ...{ type, timeLogged: time, orig: 'b@shop.example', rcpt, 'header_Message-Id': `<${name}@shop.example>` },
        ...more,
      };
      return PMTA_COLUMNS.split(',')
        .map((column) => row[column] ?? '')
        .join(',');
    };
    const text = [
      PMTA_COLUMNS,
      line('b', 'dead', { dsnDiag: gone, dsnMta: host, bounceCat: 'bad-mailbox' }),
      line('b', 'full', { dsnDiag: 'smtp;552 5.2.2 over quota', dsnMta: host, bounceCat: 'quota-issues' }),
      line('b', 'nobodys', { dsnDiag: gone, dsnMta: host, bounceCat: 'bad-mailbox' }),
      // Blackened, as privacy rules of an engine have it: our own record says who is meant.
      line('f', 'angry', { feedbackType: 'abuse', 'header_X-Rampart-Trace': trace('angry') }, 'redacted'),
      line('f', 'unproven', { feedbackType: 'abuse' }),
      line('f', 'unproven', { feedbackType: 'abuse', 'header_X-Rampart-Trace': `${trace('unproven').slice(0, -1)}x` }),
      line('f', 'happy', { feedbackType: 'not-spam', 'header_X-Rampart-Trace': trace('happy') }),
      line('rb', 'late', { dsnDiag: gone, bounceCat: 'bad-mailbox', 'header_X-Rampart-Trace': trace('late') }),
      line('rb', 'happy', { dsnDiag: gone, bounceCat: 'bad-mailbox' }),
      '',
    ].join('\r\n');
    const { intake, reading } = await feedOf(store, { name: 'pmta', format: 'powermta' });
    const read = () => {
      const reader = reading.reader();
      return [...reader.take(text), ...reader.end()];
    };
    const taken = await intake.take(read());
    assert.deepEqual([taken.kept, taken.joined], [7, 6]);
    const expected = [
      'angry@gmail.com tenant shop marketing complaint feed pmta',
      'dead@gmail.com global * all hard-bounce feed pmta',
      'late@gmail.com tenant shop all hard-bounce feed pmta',
    ];
    assert.deepEqual(await suppressed(store), expected);
    const [entry] = (await suppressionEntries(store, ['Dead@gmail.com'])).get('Dead@gmail.com') ?? [];
    assert.match(entry?.reason ?? '', /^550 5\.1\.1 no such user \(told by feed pmta\)$/);
    assert.equal(Math.floor((entry?.since.getTime() ?? 0) / 1_000), Math.floor(at / 1_000), 'since it was said');
    // Once: who was taken off the list stays off, however often the log is read.
    const keys = ['angry', 'dead', 'late'].map((name) => envelopeKey(`${name}@gmail.com`));
    await unsuppress(store, { keys, scope: null }, { actor: 'ada', reason: 'a test' });
    assert.equal((await intake.take(read())).kept, 0);
    assert.deepEqual(await suppressed(store), []);
    assert.deepEqual(await toldFailures(store, 'front', 'old', at - HOUR), [
      { provider: 'google', attempts: 4, hard: 3, blocked: 0 },
    ]);
  });

  test('SES: a permanent bounce and a complaint, also when the hand-over was committed after the event', async (context) => {
    const store = await world(context);
    const { intake } = await feedOf(store, { name: 'ses', format: 'ses' });
    const read = recordOf({ format: 'ses' });
    const timestamp = new Date(at).toISOString();
    const about = (name: string) => ({
      ...{ timestamp, messageId: `0100-${name}`, destination: [`${name}@one.example`] },
      headers: [{ name: 'Message-ID', value: `<${name}@shop.example>` }],
    });
    const bounce = (name: string, diagnosticCode: string) => ({
      eventType: 'Bounce',
      bounce: {
        ...{ bounceType: 'Permanent', bounceSubType: 'General', timestamp },
        bouncedRecipients: [{ emailAddress: `${name}@one.example`, diagnosticCode }],
      },
      mail: about(name),
    });
    const complaint = (name: string, complaintFeedbackType: string) => ({
      eventType: 'Complaint',
      complaint: { complainedRecipients: [{ emailAddress: `${name}@one.example` }], timestamp, complaintFeedbackType },
      mail: about(name),
    });
    const events = [
      bounce('gone', 'smtp; 550 5.1.1 user unknown'),
      bounce('early', 'smtp; 550 5.1.1 user unknown'),
      bounce('blocked', 'smtp; 554 5.7.1 Service unavailable; Client host blocked using Spamhaus'),
      complaint('angry', 'abuse'),
      complaint('kind', 'not-spam'),
    ].flatMap(read);
    for (const name of ['gone', 'blocked', 'angry', 'kind'])
      await handedOn(store, { messageId: `<${name}@shop.example>`, rcpt: `${name}@one.example`, at: at - 60_000 });
    await intake.take(events);
    const first = [
      'angry@one.example tenant shop marketing complaint feed ses',
      'gone@one.example global * all hard-bounce feed ses',
    ];
    assert.deepEqual(await suppressed(store), first);
    await handedOn(store, { messageId: '<early@shop.example>', rcpt: 'early@one.example', at: at - 60_000 });
    const look = () =>
      joinLegacyEvents(store, Date.now() - 60_000, Date.now() + 60_000, (db, told) =>
        suppressTold(db, told, Date.now()),
      );
    assert.deepEqual([await look(), await look()], [1, 0]);
    assert.deepEqual(await suppressed(store), [
      first[0],
      'early@one.example global * all hard-bounce feed ses',
      first[1],
    ]);
  });

  test('a provider that calls far more dead than others do may be wrong: entries are provisional, those before too', async (context) => {
    const store = await world(context);
    const { intake } = await feedOf(store, { name: 'pmta', format: 'powermta' });
    const gone = { outcome: 'failed', reply: { code: 550, text: '5.1.1 no such user' } } as const;
    let n = 0;
    const mail = async (count: number, dead: number, host: string) => {
      const events: LegacyEvent[] = [];
      for (let one = 0; one < count; one++) {
        n += 1;
        const [messageId, recipient] = [`<f${n}@shop.example>`, `f${n}@one.example`];
        await handedOn(store, { messageId, rcpt: recipient, at });
        events.push(
          event({ messageId, recipient, host, at: at + n, identity: String(n), ...(one < dead ? gone : {}) }),
        );
      }
      await intake.take(events);
    };
    const provisional = async () =>
      (await store.query('select count(*)::int as all, count(until)::int as doubted from suppressions')).rows[0];
    await mail(100, 5, 'mx1.google.com');
    assert.deepEqual(await provisional(), { all: 5, doubted: 0 });
    await mail(500, 200, 'mx1.google.com');
    assert.deepEqual(await provisional(), { all: 205, doubted: 205 });
    // The list is as dead elsewhere: then it is the list.
    await mail(40, 20, 'mta5.am0.yahoodns.net');
    await mail(1, 1, 'mx1.google.com');
    assert.deepEqual(await provisional(), { all: 226, doubted: 205 });
  });
});

describe('counts of the legacy arm', () => {
  test('by campaign, segment, stream and the hour of the hand-over', async (context) => {
    const store = await world(context);
    const { intake } = await feedOf(store, { name: 'pmta', format: 'powermta' });
    const hour = Math.floor(Date.now() / HOUR) * HOUR - 20 * HOUR;
    let n = 0;
    const events: LegacyEvent[] = [];
    const mail = async (
      told: readonly Partial<LegacyEvent>[],
      over: { segment?: string; pool?: string; at?: number } = {},
    ) => {
      n += 1;
      const [messageId, rcpt, at] = [`<m${n}@shop.example>`, `r${n}@one.example`, over.at ?? hour + 60_000];
      await handedOn(store, { messageId, rcpt, at, ...over });
      for (const [index, one] of told.entries())
        events.push(event({ messageId, recipient: rcpt, at: at + 1_000 + index, ...one, identity: `${n} ${index}` }));
    };
    const deferred = { outcome: 'deferred', reply: { code: 421, text: '4.3.2 busy' } } as const;
    await mail([{}]);
    await mail([deferred, { at: hour + 5 * HOUR }]);
    await mail([deferred, { at: hour + HOUR }]);
    await mail([deferred]);
    await mail([{ outcome: 'failed', reply: { code: 550, text: '5.1.1 no such user' } }]);
    await mail([
      {
        outcome: 'failed',
        reply: { code: 554, text: '5.7.1 Service unavailable; Client host blocked using Spamhaus' },
      },
    ]);
    await mail([{}, { outcome: 'complaint', reply: null, host: null, at: hour + 9 * HOUR }]);
    await mail([{ outcome: 'accepted', host: null }]);
    await mail([]);
    await mail([{}], { segment: 'engaged' });
    await mail([{}], { at: hour + HOUR + 1 });
    await mail([{}], { pool: 'other' });
    await mail([{}], { at: hour - 1 });
    await intake.take(events);
    const options = { front: 'front', from: hour, hourMs: HOUR, deferralAfterMs: 4 * HOUR };
    const counts = await armHours(store, { ...options, to: Date.now() });
    const row = (over: object) => ({
      ...{ arm: 'old', provider: 'google', campaign: 'spring', segment: 'all', stream: 'marketing', hour },
      ...{ messages: 1, told: 1, delivered: 1, deferred: 0, hard: 0, blocked: 0, complaints: 0 },
      ...over,
    });
    assert.deepEqual(counts, [
      // Of two nobody has said anything: accepted only, or not a word.
      row({ messages: 9, told: 7, delivered: 4, deferred: 2, hard: 1, blocked: 1, complaints: 1 }),
      row({ segment: 'engaged' }),
      row({ hour: hour + HOUR }),
    ]);
    // Before the time is over, nobody knows: no deferral yet.
    const early = await armHours(store, { ...options, to: hour + 2 * HOUR });
    assert.equal(early[0]?.deferred, 0);
    assert.deepEqual(await armHours(store, { ...options, front: 'nobody', to: Date.now() }), []);
  });

  test('old events go, a page at a time, and what was remembered with them', async (context) => {
    const store = await world(context);
    const { intake } = await feedOf(store, { name: 'pmta', format: 'powermta' });
    await intake.take(
      Array.from({ length: 5 }, (_, n) => event({ identity: String(n) })),
      {
        opened: [{ engineId: 'q1', messageId: '<x@y>', since: Date.now() - 50 * 24 * HOUR }],
      },
    );
    await store.query(`update legacy_events set noted_at = now() - interval '50 days' where id <= 3`);
    assert.deepEqual(await dropOldLegacyEvents(store, 45, 0, 2), { last: 2, dropped: 2, done: false });
    assert.deepEqual(await dropOldLegacyEvents(store, 45, 2, 2), { last: 4, dropped: 1, done: true });
    const { rows } = await store.query(
      'select (select count(*)::int from legacy_events) as events, (select count(*)::int from legacy_open) as open',
    );
    assert.deepEqual(rows, [{ events: 2, open: 0 }]);
  });
});
