/** What may happen on a day of the world. docs/scenarios.md explains each event with an example. */
import { z } from 'zod';
import { deadCampaign, unengagedCampaign } from './scenario-campaigns.ts';
import { blocklistRefusal, feedGap, seedOutage } from './scenario-sensors.ts';
import {
  badNeighbour,
  clampdown,
  complaintWave,
  falseUnknown,
  listing,
  outage,
  tarpit,
  tenantBlock,
} from './scenario-trouble.ts';

export const eventSchema = z.discriminatedUnion('type', [
  clampdown,
  deadCampaign,
  unengagedCampaign,
  outage,
  tarpit,
  falseUnknown,
  tenantBlock,
  complaintWave,
  badNeighbour,
  listing,
  seedOutage,
  feedGap,
  blocklistRefusal,
]);

export type ScenarioEvent = z.infer<typeof eventSchema>;
export type Clampdown = z.infer<typeof clampdown>;
export type CampaignEvent = z.infer<typeof deadCampaign> | z.infer<typeof unengagedCampaign>;
/** An event that the world itself takes part in; a campaign is the application's. */
export type WorldEvent = Exclude<ScenarioEvent, CampaignEvent>;
/** Of one provider. */
export type ProviderEvent = Extract<WorldEvent, { provider: string }>;
/** Of one blocklist. */
export type BlocklistEvent = Extract<WorldEvent, { blocklist: string }>;

const HOURS_PER_DAY = 24;

export function isCampaign(event: ScenarioEvent): event is CampaignEvent {
  return event.type === 'dead-campaign' || event.type === 'unengaged-campaign';
}

/** When an event is on, in days of the world: `from` (included) to `to` (excluded). */
export function spanOf(event: ScenarioEvent): { from: number; to: number } {
  const from = isCampaign(event) ? event.day : event.fromDay;
  return { from, to: from + ('days' in event ? event.days : event.hours / HOURS_PER_DAY) };
}
