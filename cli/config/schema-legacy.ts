/** Events of other engines: their logs, and webhooks of services. */
import { z } from 'zod';
import { isZone } from '../../import/times.ts';

const text = z.string().min(1, 'some text');
const secret = z.union([text, z.strictObject({ env: text })], "some text or { env: 'NAME' }");
const zone = z.string().refine(isZone, 'a time zone such as Europe/Berlin').default('UTC');
/** Relative to the configuration file; the last part may have * and ?. */
const files = z.array(text).default([]);
const someFiles = z.array(text).min(1, 'at least one path');

const mapping = z.strictObject({
  /** Column (CSV) or path (JSON, `delivery.status`) that says what happened, and what its words mean. */
  outcome: text,
  outcomes: z.record(text, z.enum(['accepted', 'delivered', 'deferred', 'failed', 'expired', 'complaint'])),
  at: text,
  recipient: text,
  messageId: text.optional(),
  /** A reply with its code: `550 5.1.1 no such user`. */
  reply: text.optional(),
  /** A bounce category, where there is no reply. */
  category: text.optional(),
  /** The MX host that answered. */
  host: text.optional(),
  /** The IP address it left from. */
  address: text.optional(),
  campaign: text.optional(),
  /** Our trace header, X-Rampart-Trace. */
  trace: text.optional(),
  /** An id of the event. */
  id: text.optional(),
});

/**
 * Upstream pools it tells of; absent: all. Of these a silence is noticed (steps of a cutover wait), where a pool without a feed
 * is just not compared.
 */
const pools = z.array(text).min(1, 'at least one upstream pool').optional();

const feed = z.discriminatedUnion('format', [
  z.strictObject({ format: z.literal('powermta'), pools, files: someFiles, timeZone: zone }),
  z.strictObject({
    format: z.literal('kumomta'),
    pools,
    files,
    /** Of its webhook: `Authorization: Bearer SECRET`. */
    secret: secret.optional(),
  }),
  z.strictObject({ format: z.literal('postfix'), pools, files: someFiles, timeZone: zone }),
  z.strictObject({ format: z.literal('exim'), pools, files: someFiles, timeZone: zone }),
  z.strictObject({
    format: z.literal('ses'),
    pools,
    /** Topics that are believed. */
    topics: z
      .array(z.string().regex(/^arn:aws[\w-]*:sns:[^:]+:\d+:.+$/, 'the ARN of an SNS topic'))
      .min(1, 'at least one topic'),
  }),
  z.strictObject({
    format: z.literal('sendgrid'),
    pools,
    /** The verification key of its event webhook. */
    publicKey: secret,
  }),
  z.strictObject({
    format: z.literal('mailgun'),
    pools,
    /** The HTTP webhook signing key. */
    signingKey: secret,
  }),
  z.strictObject({ format: z.literal('csv'), pools, files: someFiles, timeZone: zone, mapping }),
  z.strictObject({ format: z.literal('json'), pools, files, secret: secret.optional(), timeZone: zone, mapping }),
]);

export const legacySchema = z
  .strictObject({
    /** Where webhooks come to, as POST /legacy/NAME. Off loopback it needs `tls`. */
    listener: z
      .strictObject({
        host: text.default('127.0.0.1'),
        port: z.int('a port number from 0 (any free one) to 65535').min(0).max(65_535).default(2580),
        tls: z.strictObject({ cert: text, key: text }).optional(),
      })
      .optional(),
    /** By the name they are shown under. */
    feeds: z
      .record(
        z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, 'a name of letters, digits, dots, dashes and underscores'),
        feed,
      )
      .default({}),
  })
  .prefault({});

export type CheckedLegacy = z.output<typeof legacySchema>;
