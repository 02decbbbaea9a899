/**
 * What a world is made of, as a schema: its providers, its traffic, who already has a reputation, and what happens on which
 * day. docs/lab.md explains each value with an example.
 */
import { z } from 'zod';

const share = z.number().min(0).max(1);
const hostname = z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a lower-case host name');
const day = z.number().min(0).describe('Day of the world the event begins, counted from 0; fractions are hours');

const provider = z.strictObject({
  key: z.string().min(1).describe('Name of the provider in records and weights, e.g. google'),
  domains: z.array(hostname).min(1).describe('Recipient domains; the first one gets the seed mailboxes'),
  mx: z.array(hostname).min(1).max(250).describe('MX hosts in order of preference (10, 20, …)'),
  dialect: z.enum(['google', 'microsoft-consumer', 'yahoo', 'apple', 'other']).describe('Whose reply texts it uses'),
  fbl: z.boolean().default(false).describe('Sends an ARF report for each complaint'),
  seeds: z.int().min(0).max(99).default(0).describe('Mailboxes seed-01, seed-02, … that really store mail'),
  greylistShare: share.default(0).describe('Share of first attempts that get a 4xx'),
  greylistMaxHours: z.number().positive().lt(2).default(1.75).describe('Longest plan hours until a retry passes'),
  maxConnections: z.int().min(1).default(20).describe('Open connections per source address; more get a 4xx greeting'),
  messagesPerConnection: z.int().min(1).default(100).describe('Transactions on one connection; more get a 421'),
  freeDailyVolume: z.int().min(1).default(50).describe('Recipients in 24 h that a sender without history may reach'),
  missingShare: share.default(0).describe('Share of junk-bound mail that is accepted and never shown'),
});

const segment = z.enum(['engaged-30d', '60d', '90d', 'all']);

const traffic = z.strictObject({
  messagesPerDay: z.int().min(1).describe('Messages the application injects each day, over all providers'),
  weights: z.record(z.string(), z.number().min(0)).describe('Provider key → relative share of the messages'),
  campaignsPerDay: z.int().min(1).default(3),
  segments: z
    .record(segment, z.number().min(0))
    .default({ 'engaged-30d': 0.8, '60d': 0.1, '90d': 0.05, all: 0.05 })
    .describe('Shares of readers by how lately they opened something; every segment is listed'),
  unknownShare: share.default(0.005).describe('Recipients that do not exist in healthy campaigns'),
  complaintRate: share.default(0.0005).describe('Complaints per message that reached an inbox'),
  from: z.email().default('news@shop.example').describe('From address of the application'),
  tenant: z.string().default('shop'),
});

const established = z.strictObject({
  ip: z.ipv4(),
  daily: z.record(z.string(), z.number().min(0)).describe('Provider key → recipients a day it is known for'),
});

const clampdown = z
  .strictObject({
    type: z.literal('clampdown'),
    provider: z.string(),
    fromDay: day,
    days: z.number().positive(),
    dailyAllowance: z.int().min(0).default(20).describe('Recipients a day and address that pass undisturbed'),
    deferShare: share.default(0.95).describe('Share of the rest that is deferred'),
  })
  .describe('Senders without an established history are deferred for IP reputation');

const deadCampaign = z
  .strictObject({
    type: z.literal('dead-campaign'),
    name: z.string().min(1),
    day,
    hours: z.number().positive().max(24).default(12).describe('Plan hours over which it is injected'),
    messages: z.int().min(1),
    deadShare: share,
    providers: z.array(z.string()).min(1),
    segment: segment.default('engaged-30d').describe('What the application claims about its readers'),
  })
  .describe('A campaign to an old list: many of its recipients do not exist');

const outage = z
  .strictObject({ type: z.literal('outage'), provider: z.string(), fromDay: day, hours: z.number().positive() })
  .describe('The provider answers everybody with 421');

const event = z.discriminatedUnion('type', [clampdown, deadCampaign, outage]);

export const scenarioSchema = z
  .strictObject({
    $schema: z.string().optional(),
    name: z.string().min(1),
    seed: z.int().describe('Same seed, same world'),
    providers: z.array(provider).min(1).max(250),
    traffic,
    established: z.array(established).default([]),
    events: z.array(event).default([]),
  })
  .superRefine((scenario, context) => {
    const keys = new Set(scenario.providers.map((one) => one.key));
    const known = (key: string, path: (string | number)[]) => {
      if (!keys.has(key)) context.addIssue({ code: 'custom', path, message: `no provider has the key "${key}"` });
    };
    const once = (values: readonly string[], what: string) => {
      const twice = values.find((value, index) => values.indexOf(value) !== index);
      if (twice !== undefined) {
        context.addIssue({ code: 'custom', path: ['providers'], message: `${what} "${twice}" appears twice` });
      }
    };
    once([...scenario.providers.map((one) => one.key)], 'key');
    once(
      scenario.providers.flatMap((one) => one.domains),
      'domain',
    );
    once(
      scenario.providers.flatMap((one) => one.mx),
      'MX host',
    );
    for (const key of Object.keys(scenario.traffic.weights)) known(key, ['traffic', 'weights', key]);
    if (Object.values(scenario.traffic.weights).every((weight) => weight === 0)) {
      context.addIssue({
        code: 'custom',
        path: ['traffic', 'weights'],
        message: 'at least one weight must be above 0',
      });
    }
    scenario.established.forEach((sender, index) => {
      for (const key of Object.keys(sender.daily)) known(key, ['established', index, 'daily', key]);
    });
    scenario.events.forEach((one, index) => {
      if (one.type === 'dead-campaign') {
        one.providers.forEach((key, at) => void known(key, ['events', index, 'providers', at]));
      } else known(one.provider, ['events', index, 'provider']);
    });
  });

export const eventSchema = event;

export type Scenario = z.infer<typeof scenarioSchema>;
export type ProviderSpec = Scenario['providers'][number];
export type ScenarioEvent = z.infer<typeof event>;
export type Clampdown = z.infer<typeof clampdown>;
export type DeadCampaign = z.infer<typeof deadCampaign>;
export type Outage = z.infer<typeof outage>;

/** The JSON Schema editors use to check a scenario; kept as scenarios/scenario.schema.json. */
export function scenarioJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(scenarioSchema, { io: 'input' }), null, 2)}\n`;
}
