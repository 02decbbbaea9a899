/** What a rule for stopping and advancing is, to a simulated ramp: it sees what an operator's system sees, hour by hour. */
import type { Report } from './nature.ts';

/** One hour of one address. Arrays are owned by the ramp: read them at once. */
export interface Hour {
  /** From 0. */
  readonly hour: number;
  /** Send day, from 1. */
  readonly day: number;
  /** Campaigns a day: campaign c is sent on day 1 + floor((c - 1) / campaignsPerDay). */
  readonly campaignsPerDay: number;
  /** Campaign that was sent, from 1. */
  readonly campaign: number;
  /** Messages, by lane. */
  readonly sent: Int32Array;
  /** Events among them, metric × lane (judge/metrics.ts); complaints are in `reports`. */
  readonly events: Int32Array;
  /** Complaints that arrived, of whichever campaign. */
  readonly reports: readonly Report[];
}

/** What stops: a lane, the whole address (its stream), or one campaign at all lanes. */
export type Scope = 'lane' | 'address' | 'campaign';

export interface Stop {
  readonly scope: Scope;
  readonly metric: string;
  /** Lanes it takes a step back. */
  readonly lanes: readonly number[];
  /** Stages down. */
  readonly steps: number;
  /** Scope `campaign`: the campaign that is suspended. */
  readonly campaign?: number;
}

export interface AdvanceQuestion {
  readonly lane: number;
  readonly nextCeiling: number;
  /** Share of the day's ceiling that was sent. */
  readonly used: number;
  /** Messages: the day's ceiling, what was sent of it, and since the stage began. */
  readonly ceiling: number;
  readonly sent: number;
  readonly stageSent: number;
}

export interface Rule {
  /** Takes an hour in and says what must stop. */
  observe(hour: Hour): readonly Stop[];
  /** At the end of a day: may this lane go to its next stage? */
  mayAdvance(question: AdvanceQuestion): boolean;
  /** The lane stepped back: evidence before now no longer counts. */
  retreated(lanes: readonly number[]): void;
  /** A copy that goes on by itself. */
  clone(): Rule;
}
