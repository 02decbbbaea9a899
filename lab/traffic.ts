/** What a customer's application sends: which message, to whom, of which campaign, and when. Pure and drawn by key. */
import { chance, draw, pick } from './random.ts';
import { recipientAddress } from './recipients.ts';
import type { Scenario } from './scenario.ts';
import type { DeadCampaign } from './scenario-events.ts';

const READERS = 1_000_000;
const HOURS_PER_DAY = 24;

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
  const campaigns = scenario.events.filter((one): one is DeadCampaign => one.type === 'dead-campaign');
  const extra = campaigns.filter((one) => Math.floor(one.day) === day).flatMap((one) => deadMessages(scenario, one));
  return [...steadyMessages(scenario, day), ...extra].sort((a, b) => a.due - b.due);
}

function steadyMessages(scenario: Scenario, day: number): PlannedMessage[] {
  const { messagesPerDay, weights, campaignsPerDay, unknownShare } = scenario.traffic;
  const choices = Object.entries(weights);
  return Array.from({ length: messagesPerDay }, (_, index) => {
    const key = ['steady', day, index];
    const provider = pick(choices, draw(scenario.seed, 'provider', ...key));
    return {
      id: `${day}-${String(index).padStart(4, '0')}`,
      due: day + (index + 0.5) / messagesPerDay,
      provider,
      rcpt: recipientAt(scenario, provider, unknownShare, key),
      campaign: `daily-${day}-${(index % campaignsPerDay) + 1}`,
      segment: pick(Object.entries(scenario.traffic.segments), draw(scenario.seed, 'segment', ...key)),
    };
  });
}

function deadMessages(scenario: Scenario, campaign: DeadCampaign): PlannedMessage[] {
  const choices = campaign.providers.map((provider) => [provider, scenario.traffic.weights[provider] || 1] as const);
  return Array.from({ length: campaign.messages }, (_, index) => {
    const key = [campaign.name, index];
    const provider = pick(choices, draw(scenario.seed, 'provider', ...key));
    return {
      id: `${campaign.name}-${String(index).padStart(4, '0')}`,
      due: campaign.day + (((index + 0.5) / campaign.messages) * campaign.hours) / HOURS_PER_DAY,
      provider,
      rcpt: recipientAt(scenario, provider, campaign.deadShare, key),
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
