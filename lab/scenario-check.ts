/**
 * What a schema can not see in a scenario: events that never happen, chances that exceed certainty, a world in which what
 * is meant to be shown can not be. Faults make the world meaningless; notes are what its author may not have meant. Pure.
 */
import { holds } from './networks.ts';
import type { Scenario } from './scenario.ts';
import { isCampaign, type ScenarioEvent, spanOf } from './scenario-events.ts';

export interface Remark {
  /** Where, as `events[2].fromDay`. */
  readonly place: string;
  readonly message: string;
}

export interface Remarks {
  readonly faults: readonly Remark[];
  readonly notes: readonly Remark[];
}

/** `senders`: the addresses that will send in it. */
export function checkScenario(scenario: Scenario, senders: readonly string[]): Remarks {
  const faults: Remark[] = [];
  const notes: Remark[] = [];
  scenario.events.forEach((event, index) => {
    const place = `events[${index}]`;
    checkTime(event, scenario.days, place, faults, notes);
    checkNetwork(event, senders, place, notes);
    checkEvent(event, scenario, place, faults, notes);
  });
  checkReaders(scenario, faults, notes);
  checkHistory(scenario, senders, notes);
  for (const [index, provider] of scenario.providers.entries()) {
    if (scenario.traffic.weights[provider.key] === undefined) {
      const message = `no mail goes to "${provider.key}": give it a weight in traffic.weights`;
      notes.push({ place: `providers[${index}]`, message });
    }
    if (provider.greylistShare > 0 && provider.greylistMaxHours >= 2) {
      const message = `a retry waits up to ${provider.greylistMaxHours} plan hours: in a healthy world it passes within 2`;
      notes.push({ place: `providers[${index}].greylistMaxHours`, message });
    }
  }
  return { faults, notes };
}

function checkTime(event: ScenarioEvent, days: number, place: string, faults: Remark[], notes: Remark[]): void {
  const { from, to } = spanOf(event);
  const key = isCampaign(event) ? 'day' : 'fromDay';
  const last = `the run has days 0 to ${days - 1}`;
  if (from >= days) {
    const message = `day ${from} never comes, ${last}: make it earlier, or raise \`days\``;
    faults.push({ place: `${place}.${key}`, message });
  } else if (isCampaign(event) ? Math.floor(from) !== Math.ceil(to) - 1 : to > days) {
    notes.push({ place, message: `it goes on to day ${round(to)}, ${isCampaign(event) ? 'past midnight' : last}` });
  }
}

function checkNetwork(event: ScenarioEvent, senders: readonly string[], place: string, notes: Remark[]): void {
  if (!('network' in event) || senders.some((ip) => holds(event.network, ip))) return;
  const message = `${event.network} holds none of the addresses that send here (${senders.join(', ')})`;
  notes.push({ place: `${place}.network`, message });
}

function checkEvent(event: ScenarioEvent, scenario: Scenario, place: string, faults: Remark[], notes: Remark[]): void {
  const { weights, segments } = scenario.traffic;
  const silent = (key: string) => !weights[key];
  const nothing = (key: string, at: string) => {
    if (silent(key)) notes.push({ place: `${place}.${at}`, message: `no mail goes to "${key}": its weight is 0` });
  };
  if (isCampaign(event)) {
    for (const [index, key] of event.providers.entries()) nothing(key, `providers[${index}]`);
    if (event.type === 'unengaged-campaign' && segments[event.readers] === 0) {
      const message = `no reader is in "${event.readers}": give it a share in traffic.segments`;
      faults.push({ place: `${place}.readers`, message });
    }
    return;
  }
  if ('provider' in event) nothing(event.provider, 'provider');
  if (event.type === 'listing') {
    const asks = scenario.providers.some((one) => one.blocklists.some(({ zone }) => zone === event.blocklist));
    if (!asks) notes.push({ place: `${place}.blocklist`, message: `no provider consults ${event.blocklist}` });
  }
  if (event.type === 'complaint-wave') {
    const rates = Object.values(scenario.readers.engagement ?? {}).map((one) => one?.complaintRate ?? 0);
    const highest = Math.max(scenario.traffic.complaintRate, ...rates) * event.factor;
    if (highest <= 1) return;
    const message = `${event.factor} times the usual rate is ${round(highest)} complaints a message: more than 1 can not be`;
    faults.push({ place: `${place}.factor`, message });
  }
}

function checkReaders({ traffic, readers, days }: Scenario, faults: Remark[], notes: Remark[]): void {
  if (Object.values(traffic.segments).every((share) => share === 0))
    faults.push({ place: 'traffic.segments', message: 'at least one share must be above 0' });
  const { untilHours } = readers.complaintDelay;
  if (untilHours >= days * 24) {
    const message = `complaints may take ${untilHours} plan hours, and the run has ${days * 24}`;
    notes.push({ place: 'readers.complaintDelay.untilHours', message });
  }
}

function checkHistory({ established, traffic }: Scenario, senders: readonly string[], notes: Remark[]): void {
  const known = established.filter((one) => senders.includes(one.ip));
  const strange = Object.entries(traffic.weights)
    .filter(([key, weight]) => weight > 0 && !known.some((one) => one.daily[key] !== undefined))
    .map(([key]) => key);
  if (strange.length === 0) return;
  const message = `none of the addresses that send here (${senders.join(', ')}) is known at ${strange.join(', ')}: what the new one can not carry meets a stranger's limits; name the first with its \`daily\``;
  notes.push({ place: 'established', message });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
