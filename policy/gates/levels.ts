/**
 * What is fine, what harms and when to stop, a metric at a time: the figures the gates work with, as data.
 *
 * `fine` (p0) and `harmful` (p1) are the two rates the change detector tells apart (cusum.ts); `lane` and `address` are
 * the heights its sums stop at. All were chosen by simulating 42-day ramps of eight lanes (docs/judgement.md): of healthy
 * ramps whose campaigns differ as they usually do (a coefficient of variation of 0.5), these stop fewer than 1 in 500.
 */

import { DEFAULTS } from '../defaults.ts';

/** Metrics that count events in trials. Placement has its own rule (placement.ts), signals theirs (signals.ts). */
export const COUNTED = ['deferral', 'block', 'hard-bounce', 'delivery', 'complaint'] as const;
export type Counted = (typeof COUNTED)[number];

export interface Level {
  /** Rate that is still fine. */
  readonly fine: number;
  /** Rate that harms. */
  readonly harmful: number;
  /** What a healthy sender shows; used to say how many more trials a verdict needs. */
  readonly healthy: number;
  /** Gamma shape of the rate among healthy cohorts: the smaller, the more campaigns may differ without alarm. */
  readonly shape: number;
  /** Plan hours after which 63% of the events of a send have arrived; 0: they come with the answer. */
  readonly lagHours: number;
  /** Send days whose trials may let a lane advance, the newest ones since its last retreat. */
  readonly lookbackDays: number;
  /** Height at which a lane's sum stops. */
  readonly lane: number;
  /** Height at which the sum over an address's lanes stops. */
  readonly address: number;
  /** Its trials come in campaigns; otherwise (answers to the address) a cohort is six hours of a lane. */
  readonly byCampaign: boolean;
}

export type Levels = Readonly<Record<Counted, Level>>;

const STOP = { lane: 5.5, address: 4.5 } as const;
const ALIKE = { ...STOP, lookbackDays: DEFAULTS.lookbackWindows } as const;

export const LEVELS: Levels = {
  deferral: { fine: 0.05, harmful: 0.15, healthy: 0.02, shape: 4, lagHours: 0, byCampaign: false, ...ALIKE },
  block: { fine: 0.001, harmful: 0.005, healthy: 0.0002, shape: 2, lagHours: 0, byCampaign: false, ...ALIKE },
  'hard-bounce': { fine: 0.02, harmful: 0.05, healthy: 0.005, shape: 2, lagHours: 0, byCampaign: true, ...ALIKE },
  delivery: { fine: 0.02, harmful: 0.05, healthy: 0.005, shape: 2, lagHours: 0, byCampaign: true, ...ALIKE },
  complaint: { fine: 0.001, harmful: 0.003, healthy: 0.0005, shape: 2, lagHours: 24, byCampaign: true, ...ALIKE },
};

/** Heights by the share of healthy ramps they may stop (campaigns' coefficient of variation 0.5), most alert first. */
export const HEIGHTS = [
  { falseStopsPerRamp: 0.01, lane: 5.5, address: 4.5 },
  { falseStopsPerRamp: 0.0005, lane: 6, address: 5 },
  { falseStopsPerRamp: 0, lane: 7, address: 6 },
] as const;

/** Share of healthy ramps that may be stopped where a plan says nothing. */
export const FALSE_STOPS_PER_RAMP = 0.01;

/** A sender whose campaigns' event rates vary more than this (coefficient of variation) needs calmer levels. */
export const WILD_CV = 0.7;

export interface LevelChoice {
  /** Share of healthy ramps that may be stopped by mistake; FALSE_STOPS_PER_RAMP where absent. */
  readonly falseStopsPerRamp?: number | undefined;
  /** Coefficient of variation of event rates among the sender's past campaigns; unknown where absent. */
  readonly campaignsCv?: number | undefined;
  /** Figures that a plan sets itself. */
  readonly set?: Readonly<Partial<Record<Counted, Partial<Level>>>> | undefined;
}

/** Levels for a sender: heights by the false stops allowed, calmer ones for wild campaigns, then what a plan sets itself. */
export function levelsFor({
  falseStopsPerRamp = FALSE_STOPS_PER_RAMP,
  campaignsCv,
  set = {},
}: LevelChoice = {}): Levels {
  const wild = campaignsCv !== undefined && campaignsCv > WILD_CV;
  const row = (wild ? undefined : HEIGHTS.find((one) => falseStopsPerRamp >= one.falseStopsPerRamp)) ?? HEIGHTS[2];
  const of = (metric: Counted): Level => ({
    ...LEVELS[metric],
    lane: row.lane,
    address: row.address,
    ...(wild ? { shape: 2 } : {}),
    ...set[metric],
  });
  return Object.fromEntries(COUNTED.map((metric) => [metric, of(metric)])) as unknown as Levels;
}
