/**
 * Past mail, counted by the hour in which its end was learned: what any accounting file is turned into, and all that is
 * kept of it. Memory grows with hours and campaigns, not with messages.
 */
import type { PastHour } from '../../judge/replay.ts';
import { DEFAULTS } from '../../policy/defaults.ts';

const HOUR = 3_600_000;

export type Outcome = 'delivered' | 'hard' | 'blocked' | 'failed';

export interface PastMessage {
  readonly address: string;
  readonly provider: string;
  readonly campaign: string;
  /** First attempt (or queued) and end, ms. */
  readonly first: number;
  readonly ended: number;
  readonly outcome: Outcome;
}

export interface DayPart {
  readonly day: number;
  readonly part: number;
}

export class PastMail {
  readonly #hours = new Map<string, PastHour>();
  readonly #reporting = new Set<string>();
  readonly #dayOf: (instant: number) => DayPart;
  /** The last day each campaign was sent on a lane. */
  readonly #sentOn = new Map<string, DayPart>();

  constructor(dayOf: (instant: number) => DayPart) {
    this.#dayOf = dayOf;
  }

  get hours(): Iterable<PastHour> {
    return this.#hours.values();
  }

  /** Lanes that had a complaint: they report. */
  reports(address: string, provider: string): boolean {
    return this.#reporting.has(laneKey(address, provider));
  }

  add({ address, provider, campaign, first, ended, outcome }: PastMessage): void {
    const sent = this.#dayOf(first);
    const hour = this.#hour(address, provider, campaign, ended, sent);
    hour.trials++;
    if (outcome === 'delivered') hour.delivered++;
    if (outcome === 'hard') hour.events['hard-bounce']++;
    if (outcome === 'blocked') hour.events.block++;
    if (outcome === 'failed') hour.events.delivery++;
    if (outcome !== 'hard' && ended - first >= DEFAULTS.deferralAfterMs) hour.events.deferral++;
    this.#sentOn.set(`${laneKey(address, provider)}\n${campaign}`, sent);
  }

  /** A block that a later attempt got over: an event without a trial. */
  blocked(message: PastMessage): void {
    const { address, provider, campaign, first, ended } = message;
    this.#hour(address, provider, campaign, ended, this.#dayOf(first)).events.block++;
  }

  /** A complaint; its message is of the campaign's last day on that lane, or of `first`. False: nothing is known of it. */
  complaint(of: { address: string; provider: string; campaign: string; at: number; first?: number }): boolean {
    const { address, provider, campaign, at, first } = of;
    const sent =
      first === undefined ? this.#sentOn.get(`${laneKey(address, provider)}\n${campaign}`) : this.#dayOf(first);
    if (sent === undefined) return false;
    this.#reporting.add(laneKey(address, provider));
    this.#hour(address, provider, campaign, at, sent).events.complaint++;
    return true;
  }

  #hour(address: string, provider: string, campaign: string, at: number, { day, part }: DayPart): PastHour {
    const hour = Math.floor(at / HOUR);
    const key = `${address}\n${provider}\n${hour}\n${day}\n${part}\n${campaign}`;
    const known = this.#hours.get(key);
    if (known !== undefined) return known;
    const events = { deferral: 0, block: 0, 'hard-bounce': 0, delivery: 0, complaint: 0 };
    const opened: PastHour = { address, provider, hour, day, part, campaign, trials: 0, delivered: 0, events };
    this.#hours.set(key, opened);
    return opened;
  }
}

function laneKey(address: string, provider: string): string {
  return `${address}\n${provider}`;
}
