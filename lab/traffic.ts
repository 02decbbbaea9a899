/** What a customer's application sends: which message, to whom, of which campaign, and when. Pure and drawn by key. */
import { chance, draw, pick } from './random.ts';
import { segmentOf } from './readers.ts';
import { recipientAddress } from './recipients.ts';
import type { Scenario } from './scenario.ts';
import { type CampaignEvent, isCampaign } from './scenario-events.ts';
import { messagesOn } from './week.ts';

const READERS = 1_000_000;
const HOURS_PER_DAY = 24;
const MOST_DRAWS = 2_000;

/** One message to inject. */
export interface PlannedMessage {
  /** Unique in the scenario, e.g. `12-0045` or `winback-2019-0003`. */
  readonly id: string;
  /** When it is due, in days since the epoch. */
  readonly due: number;
  readonly provider: string;
  readonly rcpt: string;
  readonly campaign: string;
  /** How lately the reader opened something, as the application knows it. */
  readonly segment: string;
}

/** All messages of day `day` (from 0) in the order they are due: the steady stream, and campaigns that begin that day. */
export function messagesOfDay(scenario: Scenario, day: number): PlannedMessage[] {
  const campaigns = scenario.events.filter(isCampaign).filter((one) => Math.floor(one.day) === day);
  const extra = campaigns.flatMap((one) => campaignMessages(scenario, one));
  return [...steadyMessages(scenario, day), ...extra].sort((a, b) => a.due - b.due);
}

function steadyMessages(scenario: Scenario, day: number): PlannedMessage[] {
  const { weights, campaignsPerDay, unknownShare } = scenario.traffic;
  const messagesPerDay = messagesOn(scenario.week, day, scenario.traffic.messagesPerDay);
  const choices = Object.entries(weights);
  return Array.from({ length: messagesPerDay }, (_, index) => {
    const key = ['steady', day, index];
    const provider = pick(choices, draw(scenario.seed, 'provider', ...key));
    const rcpt = recipientAt(scenario, provider, unknownShare, key);
    const label = pick(Object.entries(scenario.traffic.segments), draw(scenario.seed, 'segment', ...key));
    return {
      id: `${day}-${String(index).padStart(4, '0')}`,
      due: day + (index + 0.5) / messagesPerDay,
      provider,
      rcpt,
      campaign: `daily-${day}-${(index % campaignsPerDay) + 1}`,
      segment: segmentOf(scenario, rcpt) ?? label,
    };
  });
}

function campaignMessages(scenario: Scenario, campaign: CampaignEvent): PlannedMessage[] {
  const choices = campaign.providers.map((provider) => [provider, scenario.traffic.weights[provider] || 1] as const);
  return Array.from({ length: campaign.messages }, (_, index) => {
    const key = [campaign.name, index];
    const provider = pick(choices, draw(scenario.seed, 'provider', ...key));
    return {
      id: `${campaign.name}-${String(index).padStart(4, '0')}`,
      due: campaign.day + (((index + 0.5) / campaign.messages) * campaign.hours) / HOURS_PER_DAY,
      provider,
      rcpt:
        campaign.type === 'dead-campaign'
          ? recipientAt(scenario, provider, campaign.deadShare, key)
          : readerOf(scenario, provider, campaign.readers, key),
      campaign: campaign.name,
      segment: campaign.segment,
    };
  });
}

function recipientAt(scenario: Scenario, provider: string, deadShare: number, key: (string | number)[]): string {
  const domains = scenario.providers.find((one) => one.key === provider)?.domains ?? [];
  const choices = domains.map((domain) => [domain, 1] as const);
  const domain = pick(choices, draw(scenario.seed, 'domain', ...key));
  const reader = Math.floor(draw(scenario.seed, 'reader', ...key) * READERS);
  return recipientAddress(domain, reader, chance(deadShare, scenario.seed, 'dead', ...key));
}

/** A reader who is really in `segment`: the first of many draws that is. A segment without a share has nobody in it. */
function readerOf(scenario: Scenario, provider: string, segment: string, key: (string | number)[]): string {
  let rcpt = '';
  for (let turn = 0; turn < MOST_DRAWS; turn++) {
    rcpt = recipientAt(scenario, provider, 0, [...key, turn]);
    if (segmentOf(scenario, rcpt) === segment) break;
  }
  return rcpt;
}
