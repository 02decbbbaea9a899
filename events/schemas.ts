/**
 * The data of every kind of event, as a contract: JSON schemas are made from it (docs/events.schema.json), and every
 * event is built to it. A change that breaks a reader gets a new version in `dataschema`; a new optional field does not.
 */
import { z } from 'zod';
import type { EventKind } from '../policy/event-kinds.ts';

/** Of `data`: the last part of `dataschema`. */
export const SCHEMA_VERSION = 1;

const instant = z.iso.datetime().describe('UTC, RFC 3339');
const orNull = <T extends z.ZodType>(type: T) => type.nullable();
const text = z.string();

/** The mail an event is about. */
const mail = {
  recipient: orNull(text).describe('envelope recipient; null: older than the record of it'),
  recipientId: z.int().describe("Rampart's id of this recipient of this message: the same in all its events"),
  messageId: orNull(text).describe('Message-ID header'),
  tenant: text,
  pool: orNull(text),
  stream: orNull(text).describe('transactional or marketing'),
  campaign: text,
  address: orNull(text).describe('sending IP address; null: none was chosen'),
  provider: text.describe('mailbox provider, such as google'),
};

const answer = {
  ...mail,
  attempt: z.int().describe('1 is the first'),
  class: text.describe('what the answer is about: recipient, mailbox-full, reputation, greylist, …'),
  scope: text.describe('what it blames: ip, netblock, domain, url, recipient, message'),
  rule: text.describe('the rule that read it'),
  reply: text.describe("the remote's words, or ours when there was no remote"),
  host: orNull(text)
    .optional()
    .describe('the remote that answered, an upstream with its port; null: the words are ours'),
  tls: orNull(text).optional().describe('how the connection was protected: TLSv1.3, certificate checked; in clear'),
};

const lane = { address: text, provider: text };
const change = { from: text, to: text };
const figures = z.strictObject({ from: z.int(), to: z.int() });

const hold = {
  id: z.int(),
  scope: text.describe('lane, address, netblock, pool, arm, provider, stream, campaign, tenant, domain, all'),
  target: text,
  reach: text.describe('cold: cold lanes only; all: warm ones too'),
  cause: text,
  actor: text,
  reason: text,
  since: instant,
  until: orNull(instant),
};

const incident = {
  id: z.int(),
  scope: text,
  target: text,
  cause: text,
  address: orNull(text),
  provider: orNull(text),
  detail: z.unknown(),
  openedAt: instant,
};

export const EVENT_DATA = {
  'message.delivered': z.strictObject(answer),
  'message.relayed': z.strictObject(answer),
  'message.deferred': z.strictObject(answer),
  'message.bounced': z.strictObject({ ...answer, bounce: z.enum(['hard', 'soft', 'blocked']) }),
  'message.expired': z.strictObject(answer),
  'message.in-doubt': z.strictObject({ ...answer, final: z.boolean().describe('false: it will be tried again') }),
  'message.complained': z.strictObject({
    ...mail,
    sentAt: instant,
    report: z.unknown().describe('what the report said'),
  }),
  'message.late-bounced': z.strictObject({
    ...mail,
    sentAt: instant,
    bounce: z.enum(['hard', 'soft']),
    class: text,
    reply: text,
  }),
  'suppression.added': z.strictObject({
    recipient: orNull(text),
    scope: text.describe('global, pool or tenant'),
    target: text,
    streams: text.describe('all or marketing'),
    source: text,
    reason: text,
    actor: text,
    provider: orNull(text),
    since: instant,
    until: orNull(instant).describe('provisional until then; null: for good'),
  }),
  'lane.decision': z.strictObject({
    id: z.int(),
    ...lane,
    rampId: orNull(text),
    decision: text.describe('start, advance, hold, step-back, pause, quarantine, resume, complete, rollback, …'),
    phase: z.strictObject(change),
    stage: figures,
    ceiling: figures.describe('messages a day'),
    actor: text,
    reason: text,
    evidence: z.unknown(),
    revision: z.int(),
  }),
  'hold.placed': z.strictObject(hold),
  'hold.cleared': z.strictObject({ ...hold, clearedAt: instant, clearedBy: orNull(text), clearReason: orNull(text) }),
  'incident.opened': z.strictObject(incident),
  'incident.closed': z.strictObject({ ...incident, closedAt: instant }),
  notice: z.strictObject({ id: z.int(), notice: text.describe('kind of notice'), subject: text, body: z.unknown() }),
  test: z.strictObject({ sink: text, says: text }),
} as const satisfies Record<EventKind, z.ZodType>;

export type EventData<K extends EventKind> = z.input<(typeof EVENT_DATA)[K]>;

/** JSON Schema (2020-12) of whole events: the envelope, and the data that goes with each type. */
export function eventSchemas(): Record<string, unknown> {
  const kinds = Object.entries(EVENT_DATA);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Rampart events: CloudEvents 1.0 in structured JSON',
    oneOf: kinds.map(([kind]) => ({ $ref: `#/$defs/${kind}` })),
    $defs: Object.fromEntries(kinds.map(([kind, data]) => [kind, envelopeSchema(kind as EventKind, data)])),
  };
}

function envelopeSchema(kind: EventKind, data: z.ZodType): Record<string, unknown> {
  const { $schema: _dialect, ...dataSchema } = z.toJSONSchema(data);
  const properties = {
    specversion: { const: '1.0' },
    id: { type: 'string', description: 'with source: unique; the same when an event is sent again' },
    source: { type: 'string', format: 'uri-reference', description: 'this installation' },
    type: { const: eventType(kind) },
    time: { type: 'string', format: 'date-time' },
    subject: { type: 'string' },
    datacontenttype: { const: 'application/json' },
    dataschema: { const: dataSchemaName(kind) },
    data: dataSchema,
  };
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

export function eventType(kind: EventKind): string {
  return `rampart.${kind}`;
}

export function dataSchemaName(kind: EventKind): string {
  return `urn:rampart:event:${kind}:${SCHEMA_VERSION}`;
}
