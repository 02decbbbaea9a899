import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { attemptEvent, logEvent, testEvent } from '../../events/envelope.ts';
import { EVENT_DATA, eventSchemas } from '../../events/schemas.ts';
import { EVENT_KINDS, MAIL_KINDS, OPERATION_KINDS } from '../../policy/event-kinds.ts';
import { attemptFacts, logFacts, outboxView } from '../../store/event-outbox.ts';
import { holdSink, registerSink } from '../../store/event-sinks.ts';
import { clearHolds, placeHold } from '../../store/holds.ts';
import { startDatabases } from '../mta/databases.ts';
import { attempts, freshStore } from './world.ts';

const databases = await startDatabases();
after(() => databases.stop());

test('the published schemas are those of the code: node events/write-schemas.ts writes them', () => {
  const file = path.join(import.meta.dirname, '../../docs/events.schema.json');
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(eventSchemas())));
});

test('the page names every kind', () => {
  const page = readFileSync(path.join(import.meta.dirname, '../../docs/events.md'), 'utf8');
  for (const kind of EVENT_KINDS) assert.ok(page.includes(`\`${kind}\``), kind);
});

test('every row of the store becomes an event as its schema says', async (context) => {
  const store = await freshStore(context, databases);
  await registerSink(store, 'hook', 'webhook');
  await holdSink(store, 'hook', 'somebody', 60_000);
  const severities = ['delivered', 'relayed', 'deferred', 'hard', 'soft', 'blocked', 'expired', 'in-doubt'];
  await attempts(
    store,
    severities.map((severity, n) => ({ recipient: n + 1, severity })),
  );
  await attempts(store, [{ recipient: 20, severity: 'deferred', final: false }]);
  await store.query(`insert into complaints (recipient, address, provider, sent_at, window_index, campaign, tenant, detail)
    values (1, '127.1.1.1', 'yahoo', now(), 1, 'spring', 'shop', '{"type":"abuse"}')`);
  const hold = {
    scope: 'provider',
    target: 'google',
    reach: 'all',
    cause: 'operator',
    actor: 'a',
    reason: 'b',
  } as const;
  const { id } = await placeHold(store, { ...hold, until: Date.now() + 60_000 });
  await clearHolds(store, [id], { actor: 'b', reason: 'c' });
  await store.query(`insert into incidents (scope, target, cause, address, provider, detail)
    values ('lane', '127.1.1.1 google', 'incident:x', '127.1.1.1', 'google', '{"reply":"550"}')`);
  await store.query('update incidents set closed_at = now()');
  await store.query('update incidents set relayed_at = now()');
  await store.query(`insert into notices (kind, subject, body) values ('x', 'y', '{"z":1}')`);
  await store.query(`insert into decisions (operation_id, ramp_id, address, provider, window_index, kind, from_phase, to_phase,
      from_stage, to_stage, from_ceiling, to_ceiling, actor, reason, evidence, policy_version, revision, at)
    values ('o', null, '127.1.1.1', 'google', 1, 'advance', 'ramping', 'ramping', 1, 2, 50, 100, 'policy', 'clean', '[]', '1', 7, now())`);
  await store.query(`insert into late_bounces (recipient, address, provider, sent_at, window_index, campaign, tenant,
    severity, class, reply, detail) values (1, '127.1.1.1', 'google', now(), 1, 'spring', 'shop', 'hard', 'recipient', '550', '{}')`);
  const suppress = (source: string, byte: number) =>
    store.query(
      `insert into suppressions (key, recipient, scope, target, streams, source, reason, actor)
       values (decode(repeat($2, 32), 'hex'), 'a@b.example', 'tenant', 'shop', 'all', $1, 'because', 'rampart')`,
      [source, `0${byte}`],
    );
  await suppress('hard-bounce', 1);
  await suppress('import', 2);

  const { ends } = await outboxView(store);
  const source = 'urn:uuid:test';
  const events = [
    ...(await attemptFacts(store, 0, ends.attempts, 100)).flatMap((fact) => attemptEvent(fact, source) ?? []),
    ...(await logFacts(store, 'mail', 0, ends.log, 100)).map((fact) => logEvent(fact, source)),
    ...(await logFacts(store, 'operations', 0, ends.log, 100)).map((fact) => logEvent(fact, source)),
    testEvent('hook', source, '1', Date.now()),
  ];
  for (const { kind, envelope } of events) {
    const checked = EVENT_DATA[kind].safeParse(JSON.parse(JSON.stringify(envelope.data)));
    assert.ok(checked.success, `${kind}: ${checked.error?.message}`);
    assert.equal(envelope.type, `rampart.${kind}`);
    assert.equal(envelope.dataschema, `urn:rampart:event:${kind}:1`);
    assert.ok(!Number.isNaN(Date.parse(envelope.time)) && envelope.subject !== '');
  }
  const told = new Set<string>(events.map((one) => one.kind));
  const missing = [...MAIL_KINDS, ...OPERATION_KINDS].filter((kind) => !told.has(kind));
  assert.deepEqual(missing, []);
  const seen = (kind: string) => events.filter((event) => event.kind === kind);
  assert.equal(seen('suppression.added').length, 1, 'an imported entry was told');
  assert.equal(seen('suppression.added')[0]?.tenant, 'shop');
  assert.equal(seen('incident.closed').length, 1, 'closed once, told once');
  const complaint = seen('message.complained')[0];
  assert.deepEqual([complaint?.tenant, complaint?.key], ['shop', 'recipient/1']);
  assert.equal(seen('message.delivered')[0]?.key, complaint?.key, 'one recipient has one key');
  assert.equal(seen('message.deferred').length, 2);
  assert.equal(seen('message.bounced').length, 3, 'handed on is no bounce');
});
