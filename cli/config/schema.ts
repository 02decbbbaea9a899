/**
 * What a configuration file may say. Unknown keys are errors: a misspelt `overflow` must not silently be the default.
 * The text given to a check completes the sentence "expected …" (config/problems.ts).
 */
import { z } from 'zod';
import { DEFAULTS } from '../../policy/defaults.ts';
import { PROVIDERS } from '../../policy/providers.ts';
import { parseDuration } from './duration.ts';
import { backPressureSchema } from './schema-back-pressure.ts';
import { cutoversSchema, migrationsSchema } from './schema-cutovers.ts';
import { dkimSchema, remoteTlsSchema } from './schema-delivery.ts';
import { eventsSchema } from './schema-events.ts';
import { configuredGatesSchema } from './schema-gates.ts';
import { injectionShape, userShape } from './schema-injection.ts';
import { legacySchema } from './schema-legacy.ts';
import { plansSchema } from './schema-plans.ts';
import { hostName, name, pool } from './schema-pools.ts';
import { preflightSchema } from './schema-preflight.ts';
import { notifications, reporters } from './schema-reports.ts';
import { retentionSchema } from './schema-retention.ts';
import { shapingSchema } from './schema-shaping.ts';

/** Providers a lane can be for: every one that can be told by its MX, and the rest. */
export const ALL_PROVIDERS: readonly string[] = [...PROVIDERS.map(({ key }) => key), 'other'];

/** Lanes an address has when the file names none: the large mailbox providers, and `other` for everybody else. */
export const COMMON_PROVIDERS: readonly string[] = [
  'google',
  'microsoft-consumer',
  'microsoft-365',
  'yahoo',
  'apple',
  'other',
];

const text = z.string().min(1, 'some text');
const mailbox = z.string().regex(/^[^\s@<>]+@[^\s@<>]+$/, 'a mail address such as reports@example.com');
const count = z.int().min(1);
const port = z.int('a port number from 0 (any free one) to 65535').min(0).max(65_535);
const share = z.number().gt(0).max(1);
const DURATION = "a duration such as '3s', '500ms', '1d', or ms as a number";
const duration = z
  .union([z.string(), z.number()], DURATION)
  .refine((value) => parseDuration(value) !== undefined, DURATION)
  .transform((value) => parseDuration(value) ?? 0);

/** A secret, or the environment variable that holds it. */
const secret = z.union([text, z.strictObject({ env: text })], "some text or { env: 'NAME' }");
const tls = z.strictObject({
  /** PEM file with the certificate chain; relative to the configuration file. */
  cert: text,
  /** PEM file with its private key. */
  key: text,
});

const civil = z.strictObject({
  /** Time zone in which days begin and end, such as Europe/Berlin. */
  zone: z.string().default('UTC'),
  /** ISO weekdays on which cold lanes send: 1 is Monday, 7 is Sunday. */
  sendDays: z.array(z.number()).default([1, 2, 3, 4, 5, 6, 7]),
  /** Local hours between which they send, 0 to 24. */
  sendHours: z.strictObject({ from: z.number().default(0), to: z.number().default(24) }).default({ from: 0, to: 24 }),
});

const compressed = z.strictObject({
  /** For trials only: every plan day lasts `dayLength` of real time. */
  compressed: z.strictObject({
    dayLength: duration,
    /** When day 0 begins, ms since 1970; default: the first start. */
    epoch: z.number().optional(),
  }),
});

export const configSchema = z.strictObject({
  /** Folder of everything Rampart keeps; relative to the configuration file. */
  dataDir: text.default('.rampart'),
  /** Name of this machine among those that share a database. */
  node: name.default('local'),
  /** The name the listeners greet with; default: the machine's. */
  hostname: hostName.optional(),
  /** Which days there are, and when cold lanes send. */
  calendar: z
    .union([compressed, civil])
    .default({ zone: 'UTC', sendDays: [1, 2, 3, 4, 5, 6, 7], sendHours: { from: 0, to: 24 } }),
  /** Addresses that share a stream of mail, or an upstream that takes it. */
  pools: z.record(name, pool).refine((pools) => Object.keys(pools).length > 0, 'at least one pool'),
  /** Lanes every address has. Mail to a provider without lanes of its own goes through those of `other`. */
  providers: z
    .array(z.enum(ALL_PROVIDERS as [string, ...string[]]))
    .min(1, 'at least one provider')
    .default([...COMMON_PROVIDERS]),
  /** Who may hand in mail, and for which pools; a user's first pool is the default. */
  users: z.array(z.strictObject({ name: text, password: secret, ...userShape })).default([]),
  mta: z
    .strictObject({
      /** MTA processes on this node. */
      processes: count.max(64).default(2),
      /** Where users hand in mail. Passwords are taken in clear from loopback only; else `tls` is needed. */
      submission: z
        .strictObject({ host: text.default('127.0.0.1'), port: port.default(2525), tls: tls.optional() })
        .prefault({}),
      /** Where feedback reports arrive, and the addresses that take them; without it there is no complaint feed. */
      inbound: z
        .strictObject({
          host: text.default('127.0.0.1'),
          port: port.default(2526),
          tls: tls.optional(),
          feedbackAddresses: z.array(mailbox).min(1, 'at least one mail address'),
          /** Reporters that are believed without a token of ours when they signed their report. */
          reporters,
        })
        .optional(),
      /** DNS servers, `ip:port`; empty: the system's. */
      resolvers: z
        .array(z.string().regex(/^(\d{1,3}(\.\d{1,3}){3})(:\d{1,5})?$/, 'ip:port such as 127.0.0.1:53'))
        .default([]),
      /** Port of the MX hosts mail goes to: 25, another only in a lab. */
      smtpPort: port.default(25),
      /** Largest part of a cold lane that one tenant has while others wait, above 0 to 1. */
      tenantShare: share.default(DEFAULTS.tenantShare),
      /** Domain of return paths that name their recipient (VERP); without it the sender's own MAIL FROM is kept. */
      bounceDomain: hostName.optional(),
      /** TLS towards the hosts mail goes to. */
      remoteTls: remoteTlsSchema,
      /** Are senders told what could not be delivered? `none`: they read events instead. */
      notifications,
      /** Largest message taken, bytes. */
      maxBytes: count.default(25_000_000),
      /** Marks above which new mail is put off. */
      backPressure: backPressureSchema,
      ...injectionShape,
    })
    .prefault({}),
  /** Mailboxes in which probes are looked for, over IMAP. */
  seeds: z
    .array(
      z.strictObject({
        provider: text,
        address: mailbox,
        host: text,
        port: count.max(65_535).default(993),
        /** TLS from the first byte; false: STARTTLS. */
        secure: z.boolean().default(true),
        user: text,
        password: secret,
      }),
    )
    .default([]),
  /** Signatures of outgoing mail. */
  dkim: dkimSchema,
  /** How probes judge placement. */
  placement: z
    .strictObject({
      /** Below this ceiling (messages a day) a lane is not probed. */
      minCeiling: count.default(DEFAULTS.placement.minCeiling),
      /** Largest share of a day's grant that probes may use. */
      share: share.default(DEFAULTS.placement.share),
      /** Probes a verdict needs. */
      minObserved: count.default(DEFAULTS.placement.minObserved),
      /** Share of probes outside the inbox that fails. */
      collapse: share.default(DEFAULTS.placement.collapse),
      /** Probe every n-th day. */
      everyWindows: count.default(DEFAULTS.placement.everyWindows),
      /** Seeds asked in one run. */
      seeds: count.default(DEFAULTS.placement.seeds),
    })
    .prefault({}),
  /** Providers whose feedback loop you are enrolled in; default: all with one, if `mta.inbound` is set. */
  complaintFeeds: z.array(z.string()).default([]),
  /** Connections and rates per provider, where they differ from the shipped ones. */
  shaping: shapingSchema,
  /** Where events go: webhooks, AMQP, Kafka. */
  events: eventsSchema,
  /** What other engines say became of mail. */
  legacy: legacySchema,
  /** How long finished mail is kept. */
  retention: retentionSchema,
  /** What gates do, in every plan (docs/judgement.md). */
  gates: configuredGatesSchema,
  /** Warmup plans of your own, by name. */
  plans: plansSchema,
  /** What is looked at before an address starts. */
  preflight: preflightSchema,
  /** How pools move from one engine to another, and which follow each other. */
  cutovers: cutoversSchema,
  migrations: migrationsSchema,
  /** Key of the tokens that join reports to mail: the same on every node. Default: made once, in <dataDir>/trace.key. */
  traceKey: secret.optional(),
});

/** The configuration as written in a file. */
export type RampartConfig = z.input<typeof configSchema>;

/** The configuration with its defaults filled in. */
export type CheckedConfig = z.output<typeof configSchema>;
