/**
 * Turns rows into events: CloudEvents 1.0 (https://github.com/cloudevents/spec, v1.0.2), one JSON object each. Pure, and
 * exact to the row: built twice, an event has the same id and the same bytes, so readers can drop what they have seen.
 */
import type { EventKind } from '../policy/event-kinds.ts';
import type { AttemptFact, LogFact } from '../store/event-outbox.ts';
import { dataSchemaName, type EventData, eventType } from './schemas.ts';

export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly subject: string;
  readonly datacontenttype: 'application/json';
  readonly dataschema: string;
  readonly data: unknown;
}

export interface RampartEvent {
  readonly kind: EventKind;
  readonly pool: string | null;
  readonly tenant: string | null;
  readonly provider: string | null;
  /** Events with the same key keep their order, also in a sink that has several lines (Kafka partitions). */
  readonly key: string;
  readonly envelope: CloudEvent;
}

/** Events of an attempt; undefined: nobody's but ours (probes). */
export function attemptEvent(fact: AttemptFact, source: string): RampartEvent | undefined {
  if (fact.probe) return undefined;
  const answer = {
    recipient: fact.rcpt,
    recipientId: fact.recipient,
    messageId: fact.messageId,
    tenant: fact.tenant,
    pool: fact.pool,
    stream: fact.stream,
    campaign: fact.campaign,
    address: fact.address,
    provider: fact.provider,
    attempt: fact.number,
    class: fact.class,
    scope: fact.scope,
    rule: fact.rule,
    reply: fact.reply,
    host: fact.host,
    tls: fact.tls,
  };
  const about = {
    id: `attempt-${fact.id}`,
    source,
    at: fact.at,
    subject: `recipient/${fact.recipient}`,
    pool: fact.pool,
    tenant: fact.tenant,
    provider: fact.provider,
  };
  switch (fact.severity) {
    case 'delivered':
      return event('message.delivered', about, answer);
    // Another engine took it: whether it reaches a mailbox, only that one knows.
    case 'relayed':
      return event('message.relayed', about, answer);
    case 'expired':
      return event('message.expired', about, answer);
    case 'in-doubt':
      return event('message.in-doubt', about, { ...answer, final: fact.final });
    default:
      // Refused here, and given to another address: not the recipient's last word yet.
      return fact.severity === 'deferred' || !fact.final
        ? event('message.deferred', about, answer)
        : event('message.bounced', about, { ...answer, bounce: fact.severity });
  }
}

/** The event of a noted change. */
export function logEvent(fact: LogFact, source: string): RampartEvent {
  const row = new Row(fact.data);
  const about = (subject: string, tenant: string | null = row.maybe('tenant'), pool: string | null = fact.pool) => ({
    id: `log-${fact.id}`,
    source,
    at: fact.at,
    subject,
    pool,
    tenant,
    provider: row.maybe('provider'),
  });
  const kind = fact.kind as Exclude<EventKind, 'test'>;
  switch (kind) {
    case 'message.complained':
      return event(kind, about(`recipient/${row.number('recipient')}`), {
        ...mailOf(fact, row),
        sentAt: row.instant('sent_at'),
        report: row.any('detail'),
      });
    case 'message.late-bounced':
      return event(kind, about(`recipient/${row.number('recipient')}`), {
        ...mailOf(fact, row),
        sentAt: row.instant('sent_at'),
        bounce: row.text('severity') === 'hard' ? 'hard' : 'soft',
        class: row.text('class'),
        reply: row.text('reply'),
      });
    case 'suppression.added': {
      const [scope, target] = [row.text('scope'), row.text('target')];
      const tenant = scope === 'tenant' ? target : null;
      return event(kind, about(`suppression/${row.number('id')}`, tenant, scope === 'pool' ? target : null), {
        recipient: row.maybe('recipient'),
        scope,
        target,
        streams: row.text('streams'),
        source: row.text('source'),
        reason: row.text('reason'),
        actor: row.text('actor'),
        provider: row.maybe('provider'),
        since: row.instant('since'),
        until: row.maybeInstant('until'),
      });
    }
    case 'lane.decision':
      return event(kind, about(`lane/${row.text('address')}/${row.text('provider')}`), {
        id: row.number('id'),
        address: row.text('address'),
        provider: row.text('provider'),
        rampId: row.maybe('ramp_id'),
        decision: row.text('kind'),
        phase: { from: row.text('from_phase'), to: row.text('to_phase') },
        stage: { from: row.number('from_stage'), to: row.number('to_stage') },
        ceiling: { from: row.number('from_ceiling'), to: row.number('to_ceiling') },
        actor: row.text('actor'),
        reason: row.text('reason'),
        evidence: row.any('evidence'),
        revision: row.number('revision'),
      });
    case 'hold.placed':
      return event(kind, holdAbout(about, row), holdOf(row));
    case 'hold.cleared':
      return event(kind, holdAbout(about, row), {
        ...holdOf(row),
        clearedAt: row.instant('cleared_at'),
        clearedBy: row.maybe('cleared_by'),
        clearReason: row.maybe('clear_reason'),
      });
    case 'incident.opened':
      return event(kind, about(`incident/${row.number('id')}`), incidentOf(row));
    case 'incident.closed':
      return event(kind, about(`incident/${row.number('id')}`), {
        ...incidentOf(row),
        closedAt: row.instant('closed_at'),
      });
    case 'notice':
      return event(kind, about(`notice/${row.number('id')}`), {
        id: row.number('id'),
        notice: row.text('kind'),
        subject: row.text('subject'),
        body: row.any('body'),
      });
    default:
      throw new Error(`event_log holds the kind "${fact.kind}", which this version of Rampart does not know`);
  }
}

/** What `rampart events test` sends. */
export function testEvent(sink: string, source: string, id: string, at: number): RampartEvent {
  const about = { id: `test-${id}`, source, at, subject: `sink/${sink}`, pool: null, tenant: null, provider: null };
  return event('test', about, { sink, says: 'If you can read this, the sink works.' });
}

interface About {
  readonly id: string;
  readonly source: string;
  readonly at: number;
  readonly subject: string;
  readonly pool: string | null;
  readonly tenant: string | null;
  readonly provider: string | null;
}

function event<K extends EventKind>(kind: K, about: About, data: EventData<K>): RampartEvent {
  const { id, source, at, subject, pool, tenant, provider } = about;
  return {
    kind,
    pool,
    tenant,
    provider,
    key: subject,
    envelope: {
      specversion: '1.0',
      id,
      source,
      type: eventType(kind),
      time: new Date(at).toISOString(),
      subject,
      datacontenttype: 'application/json',
      dataschema: dataSchemaName(kind),
      data,
    },
  };
}

function mailOf(fact: LogFact, row: Row) {
  return {
    recipient: fact.rcpt,
    recipientId: row.number('recipient'),
    messageId: fact.messageId,
    tenant: row.text('tenant'),
    pool: fact.pool,
    stream: fact.stream,
    campaign: row.text('campaign'),
    address: row.maybe('address'),
    provider: row.text('provider'),
  };
}

/** A hold of a tenant or pool is that tenant's or pool's event. */
function holdAbout(about: (subject: string, tenant: string | null, pool: string | null) => About, row: Row): About {
  const of = (scope: string) => (row.text('scope') === scope ? row.text('target') : null);
  return about(`hold/${row.number('id')}`, of('tenant'), of('pool'));
}

function holdOf(row: Row) {
  return {
    id: row.number('id'),
    scope: row.text('scope'),
    target: row.text('target'),
    reach: row.text('reach'),
    cause: row.text('cause'),
    actor: row.text('actor'),
    reason: row.text('reason'),
    since: row.instant('since'),
    until: row.maybeInstant('until'),
  };
}

function incidentOf(row: Row) {
  return {
    id: row.number('id'),
    scope: row.text('scope'),
    target: row.text('target'),
    cause: row.text('cause'),
    address: row.maybe('address'),
    provider: row.maybe('provider'),
    detail: row.any('detail'),
    openedAt: row.instant('opened_at'),
  };
}

/** Columns of a noted row, as to_jsonb writes them. */
class Row {
  readonly #data: Readonly<Record<string, unknown>>;

  constructor(data: Readonly<Record<string, unknown>>) {
    this.#data = data;
  }

  any(column: string): unknown {
    return this.#data[column] ?? null;
  }

  text(column: string): string {
    return String(this.#data[column] ?? '');
  }

  maybe(column: string): string | null {
    const value = this.#data[column];
    return value === null || value === undefined ? null : String(value);
  }

  number(column: string): number {
    return Number(this.#data[column]);
  }

  instant(column: string): string {
    return new Date(this.text(column)).toISOString();
  }

  maybeInstant(column: string): string | null {
    return this.maybe(column) === null ? null : this.instant(column);
  }
}
