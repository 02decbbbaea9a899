/**
 * What a world is made of, as a schema: its providers, its traffic, who already has a reputation, and what happens on which
 * day. docs/lab.md explains each value with an example.
 */
import { z } from 'zod';
import { eventSchema, misplaced, segmentSchema } from './scenario-events.ts';
import { hostnameSchema, providerSchema } from './scenario-provider.ts';

const share = z.number().min(0).max(1);
const traffic = z.strictObject({
  messagesPerDay: z.int().min(1).describe('Messages the application injects each day, over all providers'),
  weights: z.record(z.string(), z.number().min(0)).describe('Provider key → relative share of the messages'),
  campaignsPerDay: z.int().min(1).default(3),
  segments: z
    .record(segmentSchema, z.number().min(0))
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

const establishedDomain = z.strictObject({
  domain: hostnameSchema.describe('Domain of From and DKIM'),
  daily: z.record(z.string(), z.number().min(0)).describe('Provider key → recipients a day it is known for'),
});

export const scenarioSchema = z
  .strictObject({
    $schema: z.string().optional(),
    name: z.string().min(1),
    seed: z.int().describe('Same seed, same world'),
    providers: z.array(providerSchema).min(1).max(250),
    traffic,
    established: z.array(established).default([]),
    establishedDomains: z.array(establishedDomain).default([]),
    events: z.array(eventSchema).default([]),
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
    scenario.establishedDomains.forEach((sender, index) => {
      for (const key of Object.keys(sender.daily)) known(key, ['establishedDomains', index, 'daily', key]);
    });
    scenario.events.forEach((one, index) => {
      for (const { path, message } of misplaced(one, scenario.providers)) {
        context.addIssue({ code: 'custom', path: ['events', index, ...path], message });
      }
    });
  });

export type Scenario = z.infer<typeof scenarioSchema>;

/** The JSON Schema editors use to check a scenario; kept as scenarios/scenario.schema.json. */
export function scenarioJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(scenarioSchema, { io: 'input' }), null, 2)}\n`;
}
