/**
 * What a world is made of, as a schema: its providers, its readers, its traffic, who already has a reputation, and what
 * happens on which day. docs/scenarios.md explains each value with an example.
 */
import { z } from 'zod';
import { blocklistSchema } from './scenario-blocklist.ts';
import { eventSchema, isCampaign } from './scenario-events.ts';
import { misplaced } from './scenario-places.ts';
import { providerSchema } from './scenario-provider.ts';
import { readersSchema, weekSchema } from './scenario-readers.ts';
import { hostnameSchema, segmentSchema, share } from './scenario-values.ts';

const traffic = z
  .strictObject({
    messagesPerDay: z
      .int()
      .min(1)
      .describe('Messages the application injects each day, over all providers')
      .meta({ examples: [720] }),
    weights: z
      .record(z.string(), z.number().min(0))
      .describe('Provider key → its weight, 0 or more: relative share of the messages')
      .meta({ examples: [{ google: 0.6, yahoo: 0.4 }] }),
    campaignsPerDay: z
      .int()
      .min(1)
      .default(3)
      .describe('Number of campaigns the steady stream of a day is split into: daily-<day>-1, -2, …'),
    segments: z
      .record(segmentSchema, z.number().min(0))
      .default({ 'engaged-30d': 0.8, '60d': 0.1, '90d': 0.05, all: 0.05 })
      .describe('Segment → relative share of readers, by how lately they opened something; every segment is listed'),
    unknownShare: share.default(0.005).describe('Share, 0 to 1, of recipients that do not exist in healthy campaigns'),
    complaintRate: share.default(0.0005).describe('Complaints per message shown in an inbox, 0 to 1'),
    from: z.email().default('news@shop.example').describe('From address of the application'),
    tenant: z.string().default('shop').describe('Tenant the application sends as (X-Rampart-Tenant)'),
  })
  .describe('What the application sends');

const newcomers = z
  .strictObject({
    addresses: z.int().min(1).max(16).default(1).describe('Number of them: 127.10.0.11, 127.10.0.12, …'),
    perDay: z
      .int()
      .min(1)
      .optional()
      .describe('How many of them begin to send on one day; absent: all on the first')
      .meta({ examples: [2] }),
  })
  .describe('The new addresses that `rampart lab run` warms up')
  .meta({ examples: [{ addresses: 4, perDay: 2 }] });

const daily = z
  .record(z.string(), z.number().min(0))
  .describe('Provider key → recipients a day it is known for')
  .meta({ examples: [{ google: 220, yahoo: 150 }] });

const established = z
  .strictObject({
    ip: z
      .ipv4()
      .describe('Source address')
      .meta({ examples: ['127.10.0.10'] }),
    daily,
  })
  .describe('A source address with a history')
  .meta({ examples: [{ ip: '127.10.0.10', daily: { google: 220 } }] });

const establishedDomain = z
  .strictObject({
    domain: hostnameSchema.describe('Domain of From and DKIM').meta({ examples: ['shop.example'] }),
    daily,
  })
  .describe('A domain with a history, where a provider has `domainReputation`')
  .meta({ examples: [{ domain: 'shop.example', daily: { google: 220 } }] });

export const scenarioSchema = z
  .strictObject({
    $schema: z
      .string()
      .optional()
      .describe('Where editors find the schema')
      .meta({ examples: ['./scenario.schema.json'] }),
    name: z
      .string()
      .min(1)
      .describe('Name of the world, for people')
      .meta({ examples: ['ten-days'] }),
    about: z
      .string()
      .optional()
      .describe('What the world is for, for people')
      .meta({ examples: ['A blocklist lists the new address'] }),
    seed: z
      .int()
      .describe('Any whole number; the same scenario with the same seed is the same world')
      .meta({ examples: [42] }),
    days: z
      .int()
      .min(1)
      .max(365)
      .default(10)
      .describe('Days `rampart lab run` plays; the world itself goes on for ever'),
    providers: z.array(providerSchema).min(1).max(250).describe('Mailbox providers'),
    traffic,
    readers: readersSchema.prefault({}),
    week: weekSchema.optional(),
    blocklists: z.array(blocklistSchema).default([]).describe("DNS blocklists on the lab's name server"),
    newcomers: newcomers.optional(),
    established: z.array(established).default([]).describe('Source addresses with a history; all others are strangers'),
    establishedDomains: z.array(establishedDomain).default([]).describe('Domains with a history'),
    events: z.array(eventSchema).default([]).describe('What happens on which day'),
  })
  .superRefine((scenario, context) => {
    const issue = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message, input: undefined });
    const keys = scenario.providers.map((one) => one.key);
    const known = (key: string, path: (string | number)[]) => {
      if (!keys.includes(key)) issue(path, `no provider has the key "${key}", only ${keys.join(', ')}`);
    };
    const once = (values: readonly string[], what: string, path: string) => {
      const twice = values.find((value, index) => values.indexOf(value) !== index);
      if (twice !== undefined) issue([path], `${what} "${twice}" appears twice`);
    };
    once(keys, 'key', 'providers');
    once(
      scenario.providers.flatMap((one) => one.domains),
      'domain',
      'providers',
    );
    once(
      scenario.providers.flatMap((one) => one.mx),
      'MX host',
      'providers',
    );
    const zones = scenario.blocklists.map((one) => one.zone);
    once(zones, 'zone', 'blocklists');
    once(
      scenario.events.filter(isCampaign).map((one) => one.name),
      'campaign',
      'events',
    );
    scenario.providers.forEach((provider, index) => {
      provider.blocklists.forEach(({ zone }, at) => {
        if (zones.includes(zone)) return;
        issue(['providers', index, 'blocklists', at, 'zone'], `no blocklist of this world has the zone "${zone}"`);
      });
      if (provider.greylistMinHours > provider.greylistMaxHours)
        issue(['providers', index, 'greylistMinHours'], 'must not be above greylistMaxHours');
    });
    for (const key of Object.keys(scenario.traffic.weights)) known(key, ['traffic', 'weights', key]);
    if (Object.values(scenario.traffic.weights).every((weight) => weight === 0))
      issue(['traffic', 'weights'], 'at least one weight must be above 0');
    scenario.established.forEach((sender, index) => {
      for (const key of Object.keys(sender.daily)) known(key, ['established', index, 'daily', key]);
    });
    scenario.establishedDomains.forEach((sender, index) => {
      for (const key of Object.keys(sender.daily)) known(key, ['establishedDomains', index, 'daily', key]);
    });
    scenario.events.forEach((one, index) => {
      for (const { path, message } of misplaced(one, scenario)) issue(['events', index, ...path], message);
    });
  });

export type Scenario = z.infer<typeof scenarioSchema>;

const describedSchema = scenarioSchema.meta({
  title: "A world of Rampart's lab",
  description: 'Providers, readers, traffic and what happens on which day; docs/scenarios.md explains how to write one',
});

/** The JSON Schema editors use to check a scenario; kept as scenarios/scenario.schema.json. */
export function scenarioJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(describedSchema, { io: 'input' }), null, 2)}\n`;
}
