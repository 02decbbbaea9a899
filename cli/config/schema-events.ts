/** Where events go: signed webhooks, AMQP exchanges, Kafka topics. */
import { z } from 'zod';
import { EVENT_KINDS, matchesKind } from '../../policy/event-kinds.ts';

const text = z.string().min(1, 'some text');
const secret = z.union([text, z.strictObject({ env: text })], "some text or { env: 'NAME' }");
const KIND = `a kind of event such as message.bounced, or message.* (kinds: ${EVENT_KINDS.join(', ')})`;
const kind = z.string().refine((pattern) => EVENT_KINDS.some((one) => matchesKind(pattern, one)), KIND);

const common = {
  /** Its name in commands, and where its place in the stream is kept: a new name starts with what happens from then on. */
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, 'a name of letters, digits, dots, dashes and underscores'),
  /** Kinds it wants, `message.*` for many; default: all. */
  kinds: z.array(kind).min(1, 'at least one kind').optional(),
  /** Pools whose events it wants; default: all, and what is about no pool. */
  pools: z.array(text).min(1, 'at least one pool').optional(),
  /** Tenants whose events it wants; default: all, and what is about no tenant. */
  tenants: z.array(text).min(1, 'at least one tenant').optional(),
  /** Most events of one batch. */
  batch: z.int().min(1).max(5_000).default(500),
  /** Certificates to trust besides the system's: a PEM file, relative to the configuration file. */
  ca: text.optional(),
};

const webhook = z.strictObject({
  kind: z.literal('webhook'),
  ...common,
  /** https://; http:// on loopback only. */
  url: z.string().refine(isWebhookUrl, 'an https:// address (http:// on loopback only)'),
  /** `whsec_…`: every batch is signed with each of them, so that one can replace another without a gap. */
  secrets: z.array(secret).min(1, 'at least one secret'),
  /** For a whole request, ms. */
  timeout: z.int().min(100).max(120_000).default(15_000),
});

const amqp = z.strictObject({
  kind: z.literal('amqp'),
  ...common,
  /** amqp:// or amqps://, with user, password and virtual host. */
  url: secret,
  /** A topic exchange; made, durable, if it is not there. */
  exchange: text.default('rampart.events'),
  /** Events no queue is bound for: kept and tried again, or dropped by the broker. */
  unroutable: z.enum(['retry', 'drop']).default('retry'),
});

const kafka = z.strictObject({
  kind: z.literal('kafka'),
  ...common,
  /** host:port of some brokers of the cluster. */
  brokers: z.array(z.string().regex(/^[^:\s]+:\d{1,5}$/, 'host:port')).min(1, 'at least one broker'),
  topic: text.default('rampart.events'),
  tls: z.boolean().default(false),
  sasl: z
    .strictObject({
      mechanism: z.enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']),
      username: text,
      password: secret,
    })
    .optional(),
});

export const eventsSchema = z
  .strictObject({
    /** Days that noted changes and dead letters are kept. */
    keepDays: z.int().min(1).max(365).default(14),
    sinks: z.array(z.discriminatedUnion('kind', [webhook, amqp, kafka])).default([]),
  })
  .prefault({});

export type CheckedEvents = z.output<typeof eventsSchema>;

function isWebhookUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
}
