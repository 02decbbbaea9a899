/**
 * A world for simulations: how often things go wrong at whom, how much campaigns differ, and what changes on which day.
 * Small JSON, written by hand; docs/simulate.md explains each value.
 *
 * It is a statistical model and not the lab: the lab's providers answer one message at a time over SMTP, remember each
 * sender, and take minutes for a ramp; judging a rule that may be wrong once in a thousand ramps takes thousands of ramps
 * in a minute. What the lab's providers do to a sender is written here as a change of rates.
 */
import { z } from 'zod';
import { HEALTHY_RATES, METRICS, type SimulatedMetric } from './metrics.ts';

const share = z.number().min(0).max(1);

const event = z
  .strictObject({
    metric: z.enum(METRICS).describe('What goes wrong more (or less) often'),
    fromDay: z.int().min(1).describe('First day of the change, 1 is the first day of the ramp'),
    untilDay: z.int().min(1).optional().describe('Last day of the change; absent: it stays'),
    factor: z.number().min(0).optional().describe('Times the usual rate'),
    rate: share.optional().describe('Events per message, instead of a factor'),
    lanes: z
      .union([z.literal('all'), z.array(z.string()).min(1)])
      .default('all')
      .describe('Providers it happens at'),
  })
  .refine((one) => (one.factor === undefined) !== (one.rate === undefined), {
    error: 'give either factor or rate',
    path: ['factor'],
  })
  .refine((one) => one.untilDay === undefined || one.untilDay >= one.fromDay, {
    error: 'must not be before fromDay',
    path: ['untilDay'],
  });

const rates = Object.fromEntries(
  METRICS.map((metric) => [metric, share.default(HEALTHY_RATES[metric])]),
) as unknown as Record<SimulatedMetric, z.ZodDefault<typeof share>>;

/** Eight lanes that all report complaints: what the figures of docs/judgement.md are of. */
const EIGHT = ['google', 'microsoft-consumer', 'yahoo', 'comcast', 'gmx-webde', 'orange', 'cox', 'other'];

export const worldSchema = z
  .strictObject({
    $schema: z.string().optional(),
    name: z.string().min(1).max(60),
    says: z.string().default('').describe('What happens, in words'),
    lanes: z
      .array(z.strictObject({ provider: z.string().min(1), feedback: z.boolean().default(true) }))
      .min(1)
      .max(64)
      .default(EIGHT.map((provider) => ({ provider, feedback: true })))
      .describe('The providers of the address; feedback: complaints are reported'),
    campaignsPerDay: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]).default(2),
    cv: z.number().min(0).max(3).default(0.5).describe('How much campaigns differ: coefficient of variation of rates'),
    complaintDelayHours: z.number().positive().max(240).default(24).describe('Time until 63% of complaints have come'),
    demand: z.number().min(0).max(1).default(1).describe('Share of its ceiling that a lane has mail for'),
    rates: z.strictObject(rates).prefault({}).describe('Events per message while nothing happens'),
    events: z.array(event).max(50).default([]),
  })
  .superRefine((world, context) => {
    const known = new Set(world.lanes.map((lane) => lane.provider));
    if (known.size < world.lanes.length)
      context.addIssue({ code: 'custom', path: ['lanes'], message: 'a provider appears twice' });
    world.events.forEach((one, index) => {
      for (const lane of one.lanes === 'all' ? [] : one.lanes)
        if (!known.has(lane))
          context.addIssue({
            code: 'custom',
            path: ['events', index, 'lanes'],
            message: `no lane is called "${lane}": there are ${[...known].join(', ')}`,
          });
    });
  });

export type World = z.infer<typeof worldSchema>;
export type WorldEvent = World['events'][number];

/** Checks a world given as a value. Throws an Error with a line per fault; `source` names the file in it. */
export function parseWorld(value: unknown, source: string): World {
  const result = worldSchema.safeParse(value);
  if (result.success) return result.data;
  throw new Error(
    result.error.issues
      .map((issue) => `${source}: ${issue.path.map(String).join('.') || 'the whole file'}: ${issue.message}`)
      .join('\n'),
  );
}

/** The JSON Schema of a world, for editors; kept as docs/world.schema.json. */
export function worldJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(worldSchema, { io: 'input' }), null, 2)}\n`;
}

/** First hour of the ramp (from 0) at which anything changes; infinity where nothing does. */
export function changeHour(world: World): number {
  return Math.min(Number.POSITIVE_INFINITY, ...world.events.map((one) => (one.fromDay - 1) * 24));
}

/** Which lanes any event makes worse, by index. */
export function harmedLanes(world: World): number[] {
  const worse = world.events.filter(
    (one) => (one.rate ?? one.factor ?? 1) > (one.rate === undefined ? 1 : world.rates[one.metric]),
  );
  return world.lanes.flatMap(({ provider }, index) =>
    worse.some((one) => one.lanes === 'all' || one.lanes.includes(provider)) ? [index] : [],
  );
}
