/** What a configuration file may say about taking mail in: more listeners, HTTP, limits, what marketing must have. */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { z } from 'zod';
import { INJECTION_LIMITS, MAX_READING_BYTES } from '../../policy/injection.ts';
import { parseDuration } from './duration.ts';
import { reporters } from './schema-reports.ts';

const text = z.string().min(1, 'some text');
const count = z.int().min(1);
const port = z.int('a port number from 0 (any free one) to 65535').min(0).max(65_535);
const DURATION = "a duration such as '30s', '1h', or ms as a number";
const duration = z
  .union([z.string(), z.number()], DURATION)
  .refine((value) => parseDuration(value) !== undefined, DURATION)
  .transform((value) => parseDuration(value) ?? 0);
const ip = z.string().refine((value) => isIP(value) !== 0, 'an IP address such as 10.0.0.1');
const network = z.string().refine(isNetwork, 'an address or network such as 10.0.0.1 or 10.0.0.0/8');
const mailbox = z.string().regex(/^[^\s@<>]+@[^\s@<>]+$/, 'a mail address such as reports@example.com');
const senderDomain = z
  .string()
  .regex(
    /^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    'a domain in lower case such as shop.example, or *.shop.example for all below it',
  );

/** Rights of a user, in the configuration and of a listener without sign-in. */
export const userShape = {
  /** The first is the default. */
  pools: z.array(text).min(1, 'at least one pool'),
  /** Domains of MAIL FROM and From; empty: every one. */
  domains: z.array(senderDomain).default([]),
  /** Tenants and streams they may name, the first is the default; empty: every one. */
  tenants: z.array(text.max(128, 'at most 128 characters')).default([]),
  streams: z.array(z.enum(['marketing', 'transactional'])).default([]),
  /** Recipients an hour; null: no limit. */
  rate: count.nullable().default(null),
};

const listenerShape = {
  host: text.default('127.0.0.1'),
  port,
  /** `implicit`: TLS from the first byte; else STARTTLS. Read again on SIGHUP. */
  tls: z.strictObject({ cert: text, key: text, implicit: z.boolean().default(false) }).optional(),
  /** Proxies whose connections begin with a PROXY protocol header, version 1 or 2. */
  proxyFrom: z.array(ip).optional(),
};

const listener = z.discriminatedUnion(
  'role',
  [
    z.strictObject({ role: z.literal('submission'), ...listenerShape }),
    z.strictObject({
      role: z.literal('internal'),
      ...listenerShape,
      /** Who may hand in mail without signing in. */
      peers: z.array(network).min(1, 'at least one address or network'),
      ...userShape,
    }),
    z.strictObject({
      role: z.literal('inbound'),
      ...listenerShape,
      feedbackAddresses: z.array(mailbox).min(1, 'at least one mail address'),
      reporters,
    }),
  ],
  "a listener with role 'submission', 'internal' or 'inbound'",
);

/** Keys of `mta`. */
export const injectionShape = {
  /** Listeners beside `submission` and `inbound`. */
  listeners: z.array(listener).default([]),
  /** Where POST /v1/messages is served; without it, nowhere. Passwords are taken in clear from loopback only. */
  http: z
    .strictObject({
      host: text.default('127.0.0.1'),
      port: port.default(8025),
      tls: z.strictObject({ cert: text, key: text }).optional(),
      /** Proxies whose connections begin with a PROXY protocol header, version 1 or 2. X-Forwarded-For is never believed. */
      proxyFrom: z.array(ip).optional(),
    })
    .optional(),
  /** Of each listener of each process. */
  limits: z
    .strictObject({
      /** Connections at once, and from one address. */
      clients: count.default(INJECTION_LIMITS.clients),
      perAddress: count.default(INJECTION_LIMITS.perAddress),
      /** Recipients of one message; RFC 5321 asks for 100 at least. */
      recipients: count.min(100).default(INJECTION_LIMITS.recipients),
      /** Silence after which a connection ends, and how long it may last at all. */
      idle: duration.default(INJECTION_LIMITS.idle),
      /** How long a client may take to sign in, where it must. */
      signIn: duration.default(INJECTION_LIMITS.signIn),
      session: duration.default(INJECTION_LIMITS.session),
      messagesPerConnection: count.default(INJECTION_LIMITS.messagesPerConnection),
    })
    .prefault({}),
  /** Bytes of messages one process may be reading at once; beyond it clients are told to come again. */
  maxReadingBytes: count.default(MAX_READING_BYTES),
  /** Marketing without one-click unsubscribe (RFC 8058): taken and kept off cold lanes, or refused. */
  requireListUnsubscribe: z.enum(['warn', 'require']).default('warn'),
};

function isNetwork(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/');
  if (isIP(address) === 0 || rest.length > 0) return false;
  if (bits === undefined) return true;
  try {
    new BlockList().addSubnet(address, /^\d+$/.test(bits) ? Number(bits) : -1, isIPv6(address) ? 'ipv6' : 'ipv4');
    return true;
  } catch {
    return false;
  }
}
