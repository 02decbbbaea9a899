/**
 * What really went wrong for one sending address, provider by provider, by the lab's own records: whoever answers for that
 * address can hold his decisions against it. Pure; the caller reads the journals.
 *
 * Each trouble says what it calls for. `retreat`: mail is being hurt and sending less of it is right. `hold`: it is
 * nobody's fault or not the lane's, so waiting is right and going back is not. `nothing`: only the watching is hampered, or
 * mail is merely slow; who goes back then was wrong.
 */
import { holds } from './networks.ts';
import type { EventLine, InjectedLine, ReceivedLine } from './records.ts';
import type { Scenario } from './scenario.ts';
import { type CampaignEvent, isCampaign, type WorldEvent } from './scenario-events.ts';

export interface Trouble {
  readonly provider: string;
  readonly cause: WorldEvent['type'] | CampaignEvent['type'] | 'reputation' | Limit;
  readonly calls: 'retreat' | 'hold' | 'nothing';
  /** From (included) to (excluded), ms since 1970; Infinity: still so at the end. */
  readonly from: number;
  readonly to: number;
  /** Only mail of this campaign, or to this domain. */
  readonly campaign?: string;
  readonly domain?: string;
  /** In words: the network, the list, how bad it is. */
  readonly detail: string;
}

/** A limit of volume that the lane met: it sent too much, or too fast. */
type Limit = NonNullable<ReceivedLine['why']>;

export interface TruthInput {
  readonly scenario: Scenario;
  readonly address: string;
  readonly events: readonly EventLine[];
  readonly injected: readonly InjectedLine[];
  readonly received: readonly ReceivedLine[];
  /** ms of a day of the world. */
  readonly dayLength: number;
}

const CALLS: Readonly<Record<WorldEvent['type'], Trouble['calls']>> = {
  clampdown: 'retreat',
  'complaint-wave': 'retreat',
  'bad-neighbour': 'retreat',
  listing: 'retreat',
  outage: 'hold',
  'false-unknown': 'hold',
  'tenant-block': 'hold',
  tarpit: 'nothing',
  'seed-outage': 'nothing',
  'feed-gap': 'nothing',
  'blocklist-refusal': 'nothing',
};

/** Every trouble of the address, by time. What the world does to others, or where nobody asks the list, is none. */
export function troublesOf(input: TruthInput): Trouble[] {
  const found = [
    ...worldTroubles(input),
    ...campaignTroubles(input),
    ...reputationTroubles(input),
    ...limitTroubles(input),
  ];
  return found.toSorted((a, b) => a.from - b.from || a.provider.localeCompare(b.provider));
}

type Switched = Extract<EventLine, { on: boolean }>;

function worldTroubles({ scenario, address, events }: TruthInput): Trouble[] {
  const switched = events.filter((line): line is Switched => 'on' in line);
  return switched
    .filter((line) => line.on)
    .flatMap((line) => {
      const to =
        switched.find((one) => !one.on && one.t >= line.t && sameEvent(one, line))?.t ?? Number.POSITIVE_INFINITY;
      const network = 'network' in line ? line.network : undefined;
      if (network !== undefined && !holds(network, address)) return [];
      const domain = 'domain' in line && line.domain !== undefined ? { domain: line.domain } : {};
      const detail = [network, 'blocklist' in line ? line.blocklist : undefined, domain.domain]
        .filter(Boolean)
        .join(' ');
      const trouble = { cause: line.kind, calls: CALLS[line.kind], from: line.t, to, ...domain, detail };
      return placesOf(line, scenario, address).map((provider) => ({ provider, ...trouble }));
    });
}

/** The providers at which an event concerns the address. */
function placesOf(line: Switched, scenario: Scenario, address: string): string[] {
  if ('blocklist' in line) {
    const asks = scenario.providers.filter((one) => one.blocklists.some(({ zone }) => zone === line.blocklist));
    return asks.map((one) => one.key);
  }
  const known = scenario.established.some((one) => one.ip === address && one.daily[line.provider] !== undefined);
  return line.kind === 'clampdown' && known ? [] : [line.provider];
}

function sameEvent(a: Switched, b: Switched): boolean {
  const identity = (line: Switched) => JSON.stringify({ ...line, t: 0, day: 0, on: true });
  return identity(a) === identity(b);
}

function campaignTroubles({ scenario, injected }: TruthInput): Trouble[] {
  return scenario.events.filter(isCampaign).flatMap((event) =>
    event.providers.flatMap((provider) => {
      const times = injected
        .filter((line) => line.campaign === event.name && line.provider === provider)
        .map((line) => line.t);
      if (times.length === 0) return [];
      const detail = event.type === 'dead-campaign' ? `${event.deadShare * 100}% dead` : `readers of ${event.readers}`;
      const from = Math.min(...times);
      const to = Math.max(...times) + 1;
      return [{ provider, cause: event.type, calls: 'retreat' as const, from, to, campaign: event.name, detail }];
    }),
  );
}

/** While the provider thinks ill of the address, of its network, or of a domain it sends for. */
function reputationTroubles({ address, events }: TruthInput): Trouble[] {
  const scores = events.filter((line) => line.kind === 'score').filter((line) => concerns(line.sender, address));
  const found: Trouble[] = [];
  for (const lines of Map.groupBy(scores, (line) => `${line.provider} ${line.sender}`).values()) {
    let bad: (typeof lines)[number] | null = null;
    let worst = '';
    const close = (to: number) => {
      if (!bad) return;
      const { provider, sender } = bad;
      const detail = `${sender} ${worst}`;
      found.push({ provider, cause: 'reputation', calls: 'retreat', from: bad.t, to, detail });
      bad = null;
    };
    for (const line of lines) {
      if (line.standing === 'good') close(line.t);
      else {
        bad ??= line;
        worst = line.standing === 'blocked' || worst === '' ? line.standing : worst;
      }
    }
    close(Number.POSITIVE_INFINITY);
  }
  return found;
}

/** Answers of one limit that are less than a day apart are one trouble. To send too fast in an hour calls for waiting only. */
function limitTroubles({ address, received, dayLength }: TruthInput): Trouble[] {
  const met = received.filter((line) => line.sourceIp === address && line.why !== undefined);
  const found: Trouble[] = [];
  for (const lines of Map.groupBy(met, (line) => `${line.provider} ${line.why}`).values()) {
    let from = Number.NaN;
    lines.forEach(({ t, provider, why }, index) => {
      if (Number.isNaN(from)) from = t;
      const next = lines[index + 1];
      if (next && next.t - t < dayLength) return;
      const calls = why === 'burst' ? 'hold' : 'retreat';
      found.push({ provider, cause: why as Limit, calls, from, to: t + 1, detail: '' });
      from = Number.NaN;
    });
  }
  return found;
}

function concerns(sender: string, address: string): boolean {
  const [kind = '', name = ''] = sender.split(/:(.*)/);
  if (kind === 'ip') return name === address;
  // Everybody in this world who sends, sends for the one application: its domains are the address's too.
  return kind === 'net' ? holds(name, address) : true;
}
