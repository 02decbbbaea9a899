/** What happens to those who watch, and not to the mail: mailboxes, feedback loops and blocklists that fail. As schemas. */
import { z } from 'zod';
import { days, fromDay, hostnameSchema, providerKey as provider } from './scenario-values.ts';

export const seedOutage = z
  .strictObject({
    type: z.literal('seed-outage'),
    provider,
    fromDay,
    days,
    how: z
      .enum(['unreachable', 'login-refused', 'silent'])
      .default('unreachable')
      .describe('IMAP connections are closed at once, log-ins are refused, or nothing is ever answered'),
  })
  .describe('The seed mailboxes of a provider can not be looked into; mail goes on arriving in them')
  .meta({ examples: [{ type: 'seed-outage', provider: 'google', fromDay: 3, days: 2, how: 'login-refused' }] });

export const feedGap = z
  .strictObject({
    type: z.literal('feed-gap'),
    provider,
    fromDay,
    days,
    afterwards: z
      .enum(['all-at-once', 'lost'])
      .default('all-at-once')
      .describe('What becomes of the reports of the gap when it ends'),
  })
  .describe(
    'The provider sends no ARF reports; readers go on complaining, and it goes on holding that against the sender',
  )
  .meta({ examples: [{ type: 'feed-gap', provider: 'yahoo', fromDay: 4, days: 3, afterwards: 'all-at-once' }] });

export const blocklistRefusal = z
  .strictObject({
    type: z.literal('blocklist-refusal'),
    blocklist: hostnameSchema
      .describe('Zone of one of the `blocklists` of this world')
      .meta({ examples: ['bl.lab.example'] }),
    fromDay,
    days,
  })
  .describe(
    'The blocklist answers every question with 127.255.255.254: it refuses the resolver, and that is no listing. Providers of the world ask by another way and are not refused',
  )
  .meta({ examples: [{ type: 'blocklist-refusal', blocklist: 'bl.lab.example', fromDay: 2, days: 1 }] });
