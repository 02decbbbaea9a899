/** What a plan's gates do (policy/gates/settings.ts says what each figure means, and checks them together). */
import { z } from 'zod';
import { GATE_ACTIONS, GATED } from '../../policy/gates/settings.ts';

const rate = z.number().gt(0).lt(1);

const metricSchema = z.strictObject({
  action: z.enum(GATE_ACTIONS).optional(),
  /** Stages of a step back. */
  steps: z.int().min(1).optional(),
  /** Judged, recorded and shown, and not acted on. */
  dryRun: z.boolean().optional(),
  /** Hours its sensor may be broken before the lane holds for it. */
  budgetHours: z.number().min(0).optional(),
  /** Rates that are still fine, and that harm. */
  fine: rate.optional(),
  harmful: rate.optional(),
  /** Heights at which its sums stop, on the lane and over the address. */
  lane: z.number().gt(0).optional(),
  address: z.number().gt(0).optional(),
});

export const gatesSchema = z.strictObject({
  /** Share of healthy ramps that may be stopped by mistake; default 0.01. */
  falseStopsPerRamp: rate.optional(),
  /** How much event rates differ among your campaigns (standard deviation over mean): above 0.7 gates are calmer. */
  campaignsCv: z.number().min(0).optional(),
  /** Evaluations in a row in which all gates pass that an advance needs; default 1. */
  consecutiveGood: z.int().min(1).optional(),
  metrics: z.partialRecord(z.enum(GATED), metricSchema).optional(),
});
