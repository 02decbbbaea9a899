/** What may happen on a day of the world, as schemas. docs/lab.md explains each event with an example. */
import { z } from 'zod';
import type { ProviderSpec } from './scenario-provider.ts';

const share = z.number().min(0).max(1);
const provider = z.string();
const fromDay = z.number().min(0).describe('Day of the world the event begins, counted from 0; fractions are hours');
const hours = z.number().positive();

/** How lately a reader opened something, as the application knows it. */
export const segmentSchema = z.enum(['engaged-30d', '60d', '90d', 'all']);

const clampdown = z
  .strictObject({
    type: z.literal('clampdown'),
    provider,
    fromDay,
    days: z.number().positive(),
    dailyAllowance: z.int().min(0).default(20).describe('Recipients a day and address that pass undisturbed'),
    deferShare: share.default(0.95).describe('Share of the rest that is deferred'),
  })
  .describe('Senders without an established history are deferred for IP reputation');

const deadCampaign = z
  .strictObject({
    type: z.literal('dead-campaign'),
    name: z.string().min(1),
    day: fromDay,
    hours: z.number().positive().max(24).default(12).describe('Plan hours over which it is injected'),
    messages: z.int().min(1),
    deadShare: share,
    providers: z.array(provider).min(1),
    segment: segmentSchema.default('engaged-30d').describe('What the application claims about its readers'),
  })
  .describe('A campaign to an old list: many of its recipients do not exist');

const outage = z
  .strictObject({ type: z.literal('outage'), provider, fromDay, hours })
  .describe('The provider answers everybody with 421');

const tarpit = z
  .strictObject({
    type: z.literal('tarpit'),
    provider,
    fromDay,
    hours,
    delayMs: z.int().min(1).max(30_000).describe('Real milliseconds before each answer'),
  })
  .describe('The provider answers everybody late, whatever it answers');

const falseUnknown = z
  .strictObject({
    type: z.literal('false-unknown'),
    provider,
    fromDay,
    hours,
    share: share.describe('Of the recipients that exist; always the same ones while it lasts'),
  })
  .describe('The provider says of recipients that exist that they do not');

const tenantBlock = z
  .strictObject({
    type: z.literal('tenant-block'),
    provider,
    domain: z.string().describe('Recipient domain whose administrator refuses all mail of ours'),
    fromDay,
    hours,
  })
  .describe('One recipient domain behind the shared MX refuses everybody; the other domains take the mail');

export const eventSchema = z.discriminatedUnion('type', [
  clampdown,
  deadCampaign,
  outage,
  tarpit,
  falseUnknown,
  tenantBlock,
]);

export type ScenarioEvent = z.infer<typeof eventSchema>;
export type Clampdown = z.infer<typeof clampdown>;
export type DeadCampaign = z.infer<typeof deadCampaign>;
/** An event that the world itself takes part in; a dead campaign is the application's. */
export type WorldEvent = Exclude<ScenarioEvent, DeadCampaign>;

export interface MisplacedEvent {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What an event names that is not in the world; empty if all is. */
export function misplaced(
  event: ScenarioEvent,
  providers: readonly Pick<ProviderSpec, 'key' | 'domains'>[],
): MisplacedEvent[] {
  const unknown = (key: string, path: readonly (string | number)[]) => {
    return providers.some((one) => one.key === key) ? [] : [{ path, message: `no provider has the key "${key}"` }];
  };
  if (event.type === 'dead-campaign') return event.providers.flatMap((key, at) => unknown(key, ['providers', at]));
  const found = unknown(event.provider, ['provider']);
  if (found.length > 0 || event.type !== 'tenant-block') return found;
  const domains = providers.find((one) => one.key === event.provider)?.domains ?? [];
  if (domains.includes(event.domain)) return [];
  return [
    { path: ['domain'], message: `"${event.provider}" has no domain "${event.domain}", but ${domains.join(', ')}` },
  ];
}
