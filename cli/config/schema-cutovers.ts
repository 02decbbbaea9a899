/**
 * `cutovers` and `migrations`: what a cutover does that its command does not say, and pools that follow each other. Every
 * figure is explained in policy/cutover/plan.ts, where its default stands.
 */
import { z } from 'zod';
import { CUT_METRICS, FAIL_ACTIONS, WEBHOOK_GATES } from '../../policy/cutover/plan.ts';
import { parseDuration } from './duration.ts';

const text = z.string().min(1, 'some text');
const hours = z.number().min(0);
const points = z.number().gt(0).max(100);
const rate = z.number().gt(0).lt(1);
const DURATION = "a duration such as '10s' or '5min'";

const webhook = z.strictObject({
  /** `confirm-step`: before a share is raised. `confirm-rollback`: before Rampart rolls back by itself. */
  gate: z.enum(WEBHOOK_GATES),
  /** Is sent a POST with JSON; 2xx is yes, another status no. */
  url: text,
  /** How long an answer may take. */
  timeout: z
    .union([z.string(), z.number()], DURATION)
    .refine((value) => parseDuration(value) !== undefined, DURATION)
    .default('10s'),
});

export const cutoverSchema = z.strictObject({
  /** Shares of the new arm, in points; the last is 100. */
  steps: z.array(points).min(1).optional(),
  /** Steps of transactional mail, after the rest; empty: together with the rest. */
  transactionalSteps: z.array(points).optional(),
  /** Shares may jump further than twice, or ten points, from a day to the next. */
  uncapped: z.boolean().optional(),
  /** What a step takes at least. */
  minHours: hours.optional(),
  minCampaigns: z.int().min(0).optional(),
  lagFrom: points.optional(),
  lagHours: hours.optional(),
  complaintFrom: points.optional(),
  coolDownHours: hours.optional(),
  mostStepBacks: z.int().min(0).optional(),
  /** Days after the last step in which one command takes all of it back. */
  watchDays: z.number().gt(0).optional(),
  /** Who approves steps: nobody, a person each one, or a person these. */
  approve: z.union([z.enum(['auto', 'manual']), z.array(points)], "'auto', 'manual' or a list of steps").optional(),
  baseline: z.strictObject({ hours, messages: z.int().min(1) }).optional(),
  /** What keeps the old arm warm until the watch closes. */
  floor: z.strictObject({ perDay: z.int().min(0), mostShare: z.number().min(0).max(0.9) }).optional(),
  /** Difference to the old arm (events per message) that may not be exceeded. */
  worst: z.partialRecord(z.enum(CUT_METRICS).exclude(['placement']), rate).optional(),
  onFail: z.partialRecord(z.enum(CUT_METRICS), z.enum(FAIL_ACTIONS)).optional(),
  /** When no step is taken: `Fri 16:00` to `Mon 08:00`, or two instants. */
  freezes: z.array(z.strictObject({ from: text, to: text, says: text.optional() })).optional(),
  webhooks: z.array(webhook).optional(),
});

export const cutoversSchema = z
  .strictObject({
    /** For every cutover. */
    defaults: cutoverSchema.prefault({}),
    /** For those of these pools, on top. */
    pools: z.record(z.string(), cutoverSchema).default({}),
  })
  .prefault({});

export const migrationsSchema = z
  .record(
    z.string(),
    z.strictObject({
      /** In order: each starts when the one before is done. */
      pools: z.array(z.strictObject({ pool: text, from: text, to: text.optional() })).min(1, 'at least one pool'),
      /** What becomes of a pool that failed: it stays where it was rolled back to, or all of it goes back. */
      onFail: z.enum(['hold', 'revert']).default('hold'),
    }),
  )
  .default({});

export type CutoverSettings = z.output<typeof cutoverSchema>;
