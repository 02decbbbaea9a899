/** One mailbox provider of a world, as a schema. docs/lab.md explains each value with an example. */
import { z } from 'zod';

const share = z.number().min(0).max(1);
const hours = z.number().min(0).max(72);

export const hostnameSchema = z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a lower-case host name');

const tarpit = z
  .strictObject({
    delayMs: z.int().min(1).max(30_000).describe('Real milliseconds before each answer'),
    when: z
      .enum(['always', 'misbehaviour'])
      .default('misbehaviour')
      .describe('To everybody, or to addresses in bad standing and connections with too many errors'),
    errors: z.int().min(1).default(3).describe('Answers 5xx on one connection that make the rest of it slow'),
  })
  .describe('Answers slowly');

const lateBounces = z
  .strictObject({
    share: share.describe('Share of accepted messages that come back; never one with a null sender'),
    fromHours: hours.default(0.5).describe('Shortest plan hours until the report is sent'),
    untilHours: hours.default(12).describe('Longest plan hours until the report is sent'),
  })
  .refine((one) => one.fromHours <= one.untilHours, { error: 'must not be below fromHours', path: ['untilHours'] })
  .describe('Accepts and then sends a delivery status notification (RFC 3464) to the return path');

const unlistedReplies = z
  .strictObject({
    temporaryShare: share.default(0).describe('Share of attempts that get a 4xx nobody has a rule for'),
    permanentShare: share.default(0).describe('Share of recipients that get a 5xx nobody has a rule for'),
  })
  .describe('Answers in words and codes that no list of replies has');

const domainReputation = z
  .strictObject({
    freeDailyVolume: z.int().min(1).default(500).describe('Recipients in 24 h that a domain without history may reach'),
  })
  .describe('Keeps a full reputation, with limits and blocks, on the domain of From and DKIM');

export const providerSchema = z.strictObject({
  key: z.string().min(1).describe('Name of the provider in records and weights, e.g. google'),
  domains: z.array(hostnameSchema).min(1).describe('Recipient domains; the first one gets the seed mailboxes'),
  mx: z.array(hostnameSchema).min(1).max(250).describe('MX hosts in order of preference (10, 20, …)'),
  dialect: z
    .enum(['google', 'microsoft-consumer', 'microsoft-365', 'yahoo', 'apple', 'gateway', 'other'])
    .describe('Whose reply texts it uses'),
  fbl: z.boolean().default(false).describe('Sends an ARF report for each complaint'),
  seeds: z.int().min(0).max(99).default(0).describe('Mailboxes seed-01, seed-02, … that really store mail'),
  greylistShare: share.default(0).describe('Share of first attempts that get a 4xx'),
  greylistMaxHours: z.number().positive().lt(2).default(1.75).describe('Longest plan hours until a retry passes'),
  maxConnections: z.int().min(1).default(20).describe('Open connections per source address; more get a 4xx greeting'),
  messagesPerConnection: z.int().min(1).default(100).describe('Transactions on one connection; more get a 421'),
  freeDailyVolume: z.int().min(1).default(50).describe('Recipients in 24 h that a sender without history may reach'),
  missingShare: share.default(0).describe('Share of junk-bound mail that is accepted and never shown'),
  tarpit: tarpit.optional(),
  lateBounces: lateBounces.optional(),
  unlistedReplies: unlistedReplies.optional(),
  domainReputation: domainReputation.optional(),
});

export type ProviderSpec = z.infer<typeof providerSchema>;
