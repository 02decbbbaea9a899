/** Warmup plans of your own (policy/plans/own.ts says what they mean). */
import { z } from 'zod';
import { ADVANCE_MODES, SEGMENTS } from '../../policy/plan.ts';
import { gatesSchema } from './schema-gates.ts';

const count = z.int().min(1);
const factor = z.number().gt(1);
const ceiling = z.union(
  [count, z.strictObject({ ceiling: count, segment: z.enum(SEGMENTS).optional() })],
  "a ceiling of at least 1 message a day, or { ceiling, segment: 'engaged-30d' | '60d' | '90d' | 'all' }",
);

export const planSchema = z.strictObject({
  /** Ceilings, messages a day, stage by stage and by provider; `default` serves every provider without a row. */
  rows: z.record(z.string(), z.array(ceiling)).optional(),
  /** Last stage's ceiling, messages a day: one for all, or by provider with `default`. */
  target: z.union([count, z.record(z.string(), count)], 'messages a day, or such by provider').optional(),
  /** Stages as percents of the target. */
  percent: z.array(z.number()).min(1, 'at least one percent').optional(),
  /** A curve from `start` to `target`, over `days` or by a factor of `growth` a day. */
  start: count.optional(),
  days: count.max(3_650).optional(),
  growth: factor.max(10).optional(),
  advance: z.enum(ADVANCE_MODES).optional(),
  /** With advance 'volume-stage': share of its ceiling that ends a stage; default 1. */
  stageShare: z.number().gt(0).max(1).optional(),
  /** Stages after which recipients widen to 60d, 90d and all; default: all from the first, for a curve in thirds. */
  widenAfter: z.tuple([z.int().min(0), z.int().min(0), z.int().min(0)]).optional(),
  /** Largest factor from a stage to the next: one, or one up to 10,000 a day and one above. Default 2 and 1.5. */
  maxGrowth: z
    .union([factor, z.strictObject({ small: factor, large: factor })], 'a factor above 1, or { small, large }')
    .transform((given) => (typeof given === 'number' ? { small: given, large: given } : given))
    .optional(),
  /** Puts stages in where the plan grows faster than its cap, or than a provider without complaint reports may. */
  capped: z.boolean().optional(),
  /** Days and hours of its cold mail, where they differ from `calendar`. */
  calendar: z
    .strictObject({
      zone: z.string().optional(),
      sendDays: z.array(z.number()).optional(),
      sendHours: z.strictObject({ from: z.number(), to: z.number() }).optional(),
    })
    .transform(({ zone, sendDays, sendHours }) => ({
      ...(zone === undefined ? {} : { zone }),
      ...(sendDays === undefined ? {} : { sendDays }),
      ...(sendHours === undefined ? {} : { sendHours }),
    }))
    .optional(),
  /** What its gates do, where that differs from the shipped ones. */
  gates: gatesSchema.optional(),
  /** Where its figures are from: shown with it. */
  source: z.string().optional(),
});

export const plansSchema = z
  .record(z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'a name of small letters, digits and dashes'), planSchema)
  .default({});
