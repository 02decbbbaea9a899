/** The kinds of value that several parts of a scenario share. */
import { z } from 'zod';

/** 0 to 1. */
export const share = z.number().min(0).max(1);

export const hostnameSchema = z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a lower-case host name');

export const providerKey = z
  .string()
  .describe('Key of a provider of this world')
  .meta({ examples: ['google'] });

export const fromDay = z
  .number()
  .min(0)
  .describe(
    'Day of the world on which it begins, counted from 0; fractions are hours: 5.25 is six in the morning of day 5',
  )
  .meta({ examples: [3, 5.25] });

export const hours = z
  .number()
  .positive()
  .describe('Plan hours it lasts; 24 make a day')
  .meta({ examples: [6] });

export const days = z
  .number()
  .positive()
  .describe('Days it lasts; fractions are hours')
  .meta({ examples: [1.5] });

/** How lately a reader opened something. */
export const segmentSchema = z.enum(['engaged-30d', '60d', '90d', 'all']);

export type Segment = z.infer<typeof segmentSchema>;
