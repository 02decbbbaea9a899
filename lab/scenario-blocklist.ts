/** A DNS blocklist of a world, as a schema (RFC 5782). */
import { z } from 'zod';
import { hostnameSchema } from './scenario-values.ts';

const rule = z
  .strictObject({
    deadPerDay: z
      .int()
      .min(1)
      .describe('Dead recipients one address may knock at in 24 h, over all providers; with the next it is listed')
      .meta({ examples: [40] }),
    delistAfterDays: z
      .number()
      .positive()
      .default(2)
      .describe('Days without such a knock over the limit after which it is taken off the list'),
  })
  .describe('Lists addresses by itself: some of the dead recipients are its traps')
  .meta({ examples: [{ deadPerDay: 40, delistAfterDays: 2 }] });

export const blocklistSchema = z
  .strictObject({
    zone: hostnameSchema
      .describe(
        "Its DNS zone on the lab's name server; 127.0.0.2 is always listed there and 127.0.0.1 never (RFC 5782 §5)",
      )
      .meta({ examples: ['bl.lab.example'] }),
    code: z
      .string()
      .regex(/^127\.0\.0\.([2-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4])$/, 'must be an address from 127.0.0.2 to 127.0.0.254')
      .default('127.0.0.2')
      .describe('The A record a listed address gets'),
    rule: rule.optional(),
  })
  .describe('A DNS blocklist: addresses come onto it by its rule or by a `listing` event');

export type BlocklistSpec = z.infer<typeof blocklistSchema>;
