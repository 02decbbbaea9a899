/** What a world counts, in the order its arrays have, and what a healthy sender shows. */

export const METRICS = ['complaint', 'hard-bounce', 'deferral', 'block', 'delivery'] as const;
export type SimulatedMetric = (typeof METRICS)[number];

/** Place of complaints in METRICS: the only ones that come late. */
export const COMPLAINT = 0;

/** Events per message of a healthy sender: within what providers call good. A world may say otherwise. */
export const HEALTHY_RATES: Readonly<Record<SimulatedMetric, number>> = {
  complaint: 0.0005,
  'hard-bounce': 0.005,
  deferral: 0.02,
  block: 0.0002,
  delivery: 0.005,
};

/** Metrics that follow the list and the content: one factor a campaign. The others follow the provider's mood. */
export const FOLLOWS_CAMPAIGN: Readonly<Record<SimulatedMetric, boolean>> = {
  complaint: true,
  'hard-bounce': true,
  deferral: false,
  block: false,
  delivery: true,
};

/** Hours over which a provider's mood stays the same. */
export const MOOD_HOURS = 6;
