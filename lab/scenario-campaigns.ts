/** Campaigns the application sends beside its steady stream, as schemas of events. */
import { z } from 'zod';
import { fromDay, providerKey, segmentSchema, share } from './scenario-values.ts';

const name = z
  .string()
  .min(1)
  .describe('Name of the campaign; no two are called the same')
  .meta({ examples: ['winback-2019'] });
const hours = z
  .number()
  .positive()
  .max(24)
  .default(12)
  .describe('Plan hours over which it is injected, within one day');
const messages = z
  .int()
  .min(1)
  .describe('Messages in all, spread over its providers by `traffic.weights`')
  .meta({ examples: [150] });
const providers = z
  .array(providerKey)
  .min(1)
  .describe('Keys of the providers it goes to')
  .meta({ examples: [['google', 'yahoo']] });
const claimed = segmentSchema.default('engaged-30d').describe('What the application claims about its readers');

export const deadCampaign = z
  .strictObject({
    type: z.literal('dead-campaign'),
    name,
    day: fromDay,
    hours,
    messages,
    deadShare: share.describe('Share, 0 to 1, of its recipients that do not exist').meta({ examples: [0.5] }),
    providers,
    segment: claimed,
  })
  .describe('A campaign to an old list: many of its recipients do not exist')
  .meta({
    examples: [
      { type: 'dead-campaign', name: 'winback-2019', day: 6, messages: 150, deadShare: 0.5, providers: ['yahoo'] },
    ],
  });

export const unengagedCampaign = z
  .strictObject({
    type: z.literal('unengaged-campaign'),
    name,
    day: fromDay,
    hours,
    messages,
    providers,
    readers: segmentSchema.default('all').describe('The segment its readers are really in; needs `readers.engagement`'),
    segment: claimed,
  })
  .describe('A campaign to people who stopped opening, whatever the application says of them')
  .meta({
    examples: [{ type: 'unengaged-campaign', name: 'everybody', day: 4, messages: 200, providers: ['google'] }],
  });
