/** One mailbox provider of a world, as a schema. docs/scenarios.md explains each value with an example. */
import { z } from 'zod';
import { hostnameSchema, share } from './scenario-values.ts';

const hours = z.number().min(0).max(72);

const tarpit = z
  .strictObject({
    delayMs: z
      .int()
      .min(1)
      .max(30_000)
      .describe('Real milliseconds before each answer')
      .meta({ examples: [200] }),
    when: z
      .enum(['always', 'misbehaviour'])
      .default('misbehaviour')
      .describe('To everybody, or to addresses in bad standing and connections with too many errors'),
    errors: z.int().min(1).default(3).describe('Number of answers 5xx on one connection that make the rest of it slow'),
  })
  .describe('Answers slowly')
  .meta({ examples: [{ delayMs: 150, when: 'misbehaviour', errors: 3 }] });

const lateBounces = z
  .strictObject({
    share: share
      .describe('Share, 0 to 1, of accepted messages that come back; never one with a null sender')
      .meta({ examples: [0.02] }),
    fromHours: hours.default(0.5).describe('Shortest plan hours until the report is sent'),
    untilHours: hours.default(12).describe('Longest plan hours until the report is sent'),
  })
  .refine((one) => one.fromHours <= one.untilHours, { error: 'must not be below fromHours', path: ['untilHours'] })
  .describe('Accepts and then sends a delivery status notification (RFC 3464) to the return path')
  .meta({ examples: [{ share: 0.02, fromHours: 0.5, untilHours: 12 }] });

const unlistedReplies = z
  .strictObject({
    temporaryShare: share.default(0).describe('Share, 0 to 1, of attempts that get a 4xx nobody has a rule for'),
    permanentShare: share.default(0).describe('Share, 0 to 1, of recipients that get a 5xx nobody has a rule for'),
  })
  .describe('Answers in words and codes that no list of replies has')
  .meta({ examples: [{ temporaryShare: 0.05, permanentShare: 0.01 }] });

const domainReputation = z
  .strictObject({
    freeDailyVolume: z.int().min(1).default(500).describe('Recipients in 24 h that a domain without history may reach'),
  })
  .describe('Keeps a full reputation, with limits and blocks, on the domain of From and DKIM')
  .meta({ examples: [{ freeDailyVolume: 300 }] });

const volumeJump = z
  .strictObject({
    factor: z
      .number()
      .min(1)
      .max(100)
      .default(2)
      .describe('Times the larger of the day before and `floor` that one address may reach in a day'),
    floor: z
      .int()
      .min(1)
      .default(50)
      .describe('Recipients a day that are never a jump from, however little came the day before'),
  })
  .describe(
    'Defers (4xx, as for bad reputation) what an address sends beyond a multiple of the day before, by days of the provider; it costs no reputation',
  )
  .meta({ examples: [{ factor: 2, floor: 40 }] });

const netblockReputation = z
  .strictObject({
    share: share
      .default(0.25)
      .describe('Share, 0 to 1, of the damage one address does to itself that its whole /24 is charged with as well'),
  })
  .describe(
    'Keeps a standing of each /24: neighbours hurt one another, and a /24 in bad standing sends mail to junk or is refused in words about the network',
  )
  .meta({ examples: [{ share: 0.25 }] });

const consulted = z
  .strictObject({
    zone: hostnameSchema
      .describe('Zone of one of the `blocklists` of this world')
      .meta({ examples: ['bl.lab.example'] }),
    answer: z
      .enum(['refuse', 'defer', 'junk'])
      .default('refuse')
      .describe('What a listed address gets: 5xx at RCPT, 4xx at RCPT, or a place in junk'),
  })
  .describe('A DNS blocklist the provider asks about each source address');

export const providerSchema = z.strictObject({
  key: z
    .string()
    .min(1)
    .describe('Name of the provider in weights, events and records')
    .meta({ examples: ['google'] }),
  domains: z
    .array(hostnameSchema.describe('A recipient domain'))
    .min(1)
    .describe('Recipient domains; the first one gets the seed mailboxes; several make a shared MX')
    .meta({ examples: [['gmail.com', 'acme.example']] }),
  mx: z
    .array(hostnameSchema.describe('Name of one MX host'))
    .min(1)
    .max(250)
    .describe('MX hosts in order of preference (10, 20, …); host m of provider n listens on 127.20.n.m')
    .meta({ examples: [['mx1.isp.example', 'mx2.isp.example']] }),
  dialect: z
    .enum(['google', 'microsoft-consumer', 'microsoft-365', 'yahoo', 'apple', 'gateway', 'other'])
    .describe('Whose reply texts it uses'),
  fbl: z.boolean().default(false).describe('Sends an ARF report (RFC 5965) for each complaint'),
  seeds: z
    .int()
    .min(0)
    .max(99)
    .default(0)
    .describe('Number of mailboxes seed-01, seed-02, … that really store mail; the seeds never complain'),
  dayStartsAtHour: z
    .number()
    .min(0)
    .lt(24)
    .default(0)
    .describe(
      "Hour of the world's day at which a day of this provider begins: its daily counts and its healing turn then",
    ),
  greylistShare: share
    .default(0)
    .describe('Share, 0 to 1, of first attempts (source, domain of MAIL FROM, recipient) that get a 4xx'),
  greylistMinHours: z
    .number()
    .min(0)
    .max(24)
    .default(5 / 60)
    .describe('Plan hours until the earliest retry passes'),
  greylistMaxHours: z
    .number()
    .positive()
    .max(24)
    .default(1.75)
    .describe('Plan hours until the latest retry passes; in a healthy world below 2'),
  greylistBy: z
    .enum(['address', 'netblock'])
    .default('address')
    .describe('Whether a retry must come from the same address, or from anywhere in its /24'),
  maxConnections: z
    .int()
    .min(1)
    .default(20)
    .describe('Open connections per source address, over all MX hosts; more get a 4xx greeting'),
  messagesPerConnection: z.int().min(1).default(100).describe('Messages on one connection; more get a 421'),
  freeDailyVolume: z
    .int()
    .min(1)
    .default(50)
    .describe('Recipients in 24 h that an address without a history may reach'),
  missingShare: share.default(0).describe('Share, 0 to 1, of junk-bound mail that is accepted and never shown'),
  volumeJump: volumeJump.optional(),
  netblockReputation: netblockReputation.optional(),
  blocklists: z
    .array(consulted)
    .default([])
    .describe('Blocklists it consults, the first that has the address decides')
    .meta({ examples: [[{ zone: 'bl.lab.example', answer: 'refuse' }]] }),
  tarpit: tarpit.optional(),
  lateBounces: lateBounces.optional(),
  unlistedReplies: unlistedReplies.optional(),
  domainReputation: domainReputation.optional(),
});

export type ProviderSpec = z.infer<typeof providerSchema>;
