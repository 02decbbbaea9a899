/**
 * Judgement in one named place: every figure that decides and has no provider's page behind it. The gates' own figures: gates/levels.ts and gates/settings.ts.
 * Sources: knowledge of the field as written down in docs/defaults.md.
 */

const HOUR = 3_600_000;

export const DEFAULTS = {
  /** Send days whose evidence may let a lane advance, where a metric is not given its own. */
  lookbackWindows: 7,
  /** A message counts as deferred when it is not delivered this long after its first attempt (plan time). */
  deferralAfterMs: 4 * HOUR,
  /** A ramp that uses less of its ceiling holds as volume-limited. */
  minUtilisation: 0.8,
  /** Clean evaluations before a lane that stepped back ramps again. */
  coolDownEvaluations: 2,
  /**
   * Probing, before a quarantined lane comes back: messages of a window, plan ms between two of them, how many must be
   * accepted, and how often a lane may try by itself before a person must answer for it.
   */
  probing: { units: 20, gapMs: HOUR / 60, accepted: 10, tries: 3 },
  /** A lane may be declared done (`complete`) from this share of its plan's last ceiling on. */
  completeShare: 0.5,
  /** An operator's leave to override a gate ends after this, used or not (plan time). */
  promoteMs: 48 * HOUR,
  /** How long a gate keeps a lane silent before it goes on at the lower stage (plan time). */
  gateHoldMs: 4 * HOUR,
  /** Reputation answers that stop a lane: at least this many within a plan hour and this share of its attempts. */
  reputationStop: { events: 3, share: 0.05 },
  /** The same over 24 plan hours: what a small lane meets when a provider clamps down. */
  reputationDayStop: { events: 5, share: 0.15 },
  /** Blocked messages of 24 plan hours that stop a lane at once: so many, and this share. */
  blockStop: { events: 3, share: 0.05 },
  /** Most warm lanes fail at a provider within this time (plan ms): each at least so often, and in this share of attempts. */
  providerIncident: { withinMs: HOUR / 4, attempts: 5, share: 0.5, lanes: 0.5 },
  /** After a stop is lifted its mail comes back at this share of the pace for so long (real time). */
  easePace: 0.25,
  easeMs: HOUR / 2,
  /** Windows a grant is carried without a decision before it ends (fail closed). */
  carryWindows: 3,
  /** A first day with fewer sending hours is prorated and repeats its stage. */
  fullDayHours: 6,
  /** First day's ceiling where a plan has none of its own, messages a day. */
  planStart: 50,
  /** Largest factor from a stage to the next: of a small lane, and of one above `largeLane` messages a day. */
  growthCap: { small: 2, large: 1.5 },
  largeLane: 10_000,
  /** No lane sends more messages a day than this: a figure above it is a slip of the pen. */
  mostCeiling: 1_000_000_000,
  /** Growth per window of a lane that has finished its plan and grows into the provider's normal limit. */
  graduationGrowth: 1.25,
  /** A warm lane's normal limit: this times its last stage or its peak day. */
  normalFactor: 1.3,
  /** When mail, not the plan, ends a ramp: room over the peak day, windows that show it, and what is too little to wait for. */
  demand: { lookbackWindows: 30, headroom: 1.2, settledWindows: 7, smallLane: 100 },
  /** Idle time after which a warm lane counts as cold (plan time). */
  idleMs: 7 * 24 * HOUR,
  /** From then on it loses one step of growth for every so much idle time, and starts over after a month of it. */
  idleStepMs: 3 * 24 * HOUR,
  idleRestartMs: 30 * 24 * HOUR,
  /** What another engine's volumes earn: days that count, and how many of them must have had as much. */
  earned: { lookbackDays: 30, sustainedDays: 3 },
  /** Where a lane without a plan starts over, messages a day. */
  idleRestartCeiling: 50,
  /** Part of a warm lane's connections that only transactional mail may use, at least one. */
  transactionalHeadroom: 0.2,
  /** Largest share of what a cold lane sends in a window that one tenant gets while others wait. */
  tenantShare: 0.4,
  placement: { minCeiling: 500, share: 0.01, minObserved: 3, collapse: 0.5, everyWindows: 1, seeds: 5 },
} as const;

/** Version of the decision rules: recorded with every decision, so that a replay of evidence knows its rules. */
export const POLICY_VERSION = '3';
