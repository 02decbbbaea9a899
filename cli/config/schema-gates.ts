/** What gates do, in a plan and for all (policy/gates/settings.ts says what each figure means, and checks them together). */
import { z } from 'zod';
import { GATE_ACTIONS, GATED } from '../../policy/gates/settings.ts';
import { ROW_KEYS } from '../../policy/plans/targets.ts';

const rate = z.number().gt(0).lt(1);

const metricSchema = z.strictObject({
  action: z.enum(GATE_ACTIONS).optional(),
  /** Stages of a step back. */
  steps: z.int().min(1).optional(),
  /** Judged, recorded and shown, and not acted on. */
  dryRun: z.boolean().optional(),
  /** Hours its feed may be broken before the lane holds for it: complaints (beyond three days of silence) and placement. */
  budgetHours: z.number().min(0).optional(),
  /** Send days whose evidence may let a lane advance; default 7. */
  lookbackDays: z.int().min(1).optional(),
  /** Hours after which 63% of its events have come in; default 24 for complaints, 0 for the others. */
  lagHours: z.number().min(0).optional(),
  /** Rates that are still fine, and that harm. */
  fine: rate.optional(),
  harmful: rate.optional(),
  /** Heights at which its sums stop, on the lane and over the address. */
  lane: z.number().gt(0).optional(),
  address: z.number().gt(0).optional(),
});

const choice = {
  /** Share of healthy ramps that may be stopped by mistake; default 0.01. */
  falseStopsPerRamp: rate.optional(),
  /** How much event rates differ among your campaigns (standard deviation over mean): above 0.7 gates are calmer. */
  campaignsCv: z.number().min(0).optional(),
  /** Evaluations in a row in which all gates pass that an advance needs; default 1. */
  consecutiveGood: z.int().min(1).optional(),
  metrics: z.partialRecord(z.enum(GATED), metricSchema).optional(),
};

/** Gates of one plan or pool. */
export const gatesSchema = z.strictObject({
  ...choice,
  /** The same at one provider. */
  providers: z.partialRecord(z.enum(ROW_KEYS as [string, ...string[]]), z.strictObject(choice)).optional(),
});

/** Gates of every plan, and of single pools. */
export const configuredGatesSchema = gatesSchema
  .extend({ pools: z.record(z.string(), gatesSchema).optional() })
  .default({});
