/** Who reads the mail of a world, and how: complaints that come late, readers who stopped opening, weekends. As schemas. */
import { z } from 'zod';
import { segmentSchema, share } from './scenario-values.ts';

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
const weekday = z.enum(WEEKDAYS);

export type Weekday = z.infer<typeof weekday>;

/** The day `n` days after `first`. */
export function weekdayAfter(first: Weekday, n: number): Weekday {
  return WEEKDAYS[(WEEKDAYS.indexOf(first) + n) % WEEKDAYS.length] ?? first;
}

const complaintDelay = z
  .strictObject({
    shape: z
      .enum(['uniform', 'exponential', 'lognormal'])
      .default('uniform')
      .describe(
        'How delays spread between `fromHours` and `untilHours`; the last two are many short ones and a long tail',
      ),
    fromHours: z.number().min(0).max(240).default(1).describe('Plan hours from delivery to the earliest complaint'),
    untilHours: z
      .number()
      .min(0)
      .max(240)
      .default(12)
      .describe('Plan hours from delivery to the latest complaint; 120 for real feedback loops'),
    medianHours: z
      .number()
      .positive()
      .max(240)
      .default(12)
      .describe('Plan hours after which half of the complaints are in; not for `uniform`'),
  })
  .refine((one) => one.fromHours <= one.untilHours, { error: 'must not be below fromHours', path: ['untilHours'] })
  .describe('How long after delivery a reader complains')
  .meta({ examples: [{ shape: 'lognormal', medianHours: 20, untilHours: 120 }] });

const habits = z
  .strictObject({
    complaintRate: share
      .optional()
      .describe("Complaints per message shown in such a reader's inbox, 0 to 1; left out: `traffic.complaintRate`")
      .meta({ examples: [0.0003] }),
    junkShare: share
      .default(0)
      .describe('Share, 0 to 1, of such readers whose provider puts even a good sender into junk: they never open'),
  })
  .describe('What readers of one segment are like');

export const readersSchema = z
  .strictObject({
    complaintDelay: complaintDelay.prefault({}),
    engagement: z
      .partialRecord(segmentSchema, habits)
      .optional()
      .describe(
        'Segment → habits of its readers. With it every reader has a segment of his own, drawn from his address in the shares of `traffic.segments`, and the application knows it; without it segments are labels and all readers are alike',
      )
      .meta({
        examples: [{ 'engaged-30d': { complaintRate: 0.0003 }, all: { complaintRate: 0.006, junkShare: 0.3 } }],
      }),
  })
  .describe('How readers behave')
  .meta({ examples: [{ complaintDelay: { shape: 'exponential', medianHours: 24, untilHours: 120 } }] });

export const weekSchema = z
  .strictObject({
    firstDay: weekday.default('monday').describe('What weekday day 0 of the world is'),
    weekend: z
      .array(weekday.describe('A day of the weekend'))
      .min(1)
      .max(6)
      .default(['saturday', 'sunday'])
      .describe('Which weekdays are the weekend'),
    sending: z
      .number()
      .min(0)
      .max(2)
      .default(1)
      .describe('Times the usual messages that the application sends on a day of the weekend'),
    reading: share
      .default(0.4)
      .describe(
        'Share, 0 to 1, of what people would do with their mail on a day of the weekend that they do then; the rest waits for the next working day',
      ),
  })
  .describe('Weekends: people read less, complain less, and catch up on the next working day')
  .meta({ examples: [{ firstDay: 'thursday', sending: 0.6, reading: 0.3 }] });

export type ReadersSpec = z.infer<typeof readersSchema>;
export type WeekSpec = z.infer<typeof weekSchema>;
