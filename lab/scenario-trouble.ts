/** What goes wrong at a provider, or is done to a sender, as schemas of events. */
import { z } from 'zod';
import { days, fromDay, hostnameSchema, hours, providerKey as provider, share } from './scenario-values.ts';

export const clampdown = z
  .strictObject({
    type: z.literal('clampdown'),
    provider,
    fromDay,
    days,
    dailyAllowance: z.int().min(0).default(20).describe('Recipients a day and address that pass undisturbed'),
    deferShare: share.default(0.95).describe('Share, 0 to 1, of the rest that is deferred'),
  })
  .describe('Addresses without an established history are deferred for their reputation; it costs none')
  .meta({ examples: [{ type: 'clampdown', provider: 'microsoft-consumer', fromDay: 4, days: 2, dailyAllowance: 4 }] });

export const outage = z
  .strictObject({ type: z.literal('outage'), provider, fromDay, hours })
  .describe('The provider answers everybody with 421')
  .meta({ examples: [{ type: 'outage', provider: 'apple', fromDay: 8.5, hours: 3 }] });

export const tarpit = z
  .strictObject({
    type: z.literal('tarpit'),
    provider,
    fromDay,
    hours,
    delayMs: z
      .int()
      .min(1)
      .max(30_000)
      .describe('Real milliseconds before each answer')
      .meta({ examples: [200] }),
  })
  .describe('The provider answers everybody late, whatever it answers')
  .meta({ examples: [{ type: 'tarpit', provider: 'yahoo', fromDay: 2, hours: 12, delayMs: 200 }] });

export const falseUnknown = z
  .strictObject({
    type: z.literal('false-unknown'),
    provider,
    fromDay,
    hours,
    share: share
      .describe('Share, 0 to 1, of the recipients that exist; always the same ones while it lasts')
      .meta({ examples: [0.3] }),
  })
  .describe('The provider says of recipients that exist that they do not; it costs no reputation')
  .meta({ examples: [{ type: 'false-unknown', provider: 'yahoo', fromDay: 5.25, hours: 6, share: 0.3 }] });

export const tenantBlock = z
  .strictObject({
    type: z.literal('tenant-block'),
    provider,
    domain: z
      .string()
      .describe('Recipient domain, one of the provider, whose administrator refuses all mail of ours')
      .meta({ examples: ['acme.example'] }),
    fromDay,
    hours,
  })
  .describe('One recipient domain behind the shared MX refuses everybody; the other domains take the mail')
  .meta({ examples: [{ type: 'tenant-block', provider: 'google', domain: 'acme.example', fromDay: 7, hours: 24 }] });

export const complaintWave = z
  .strictObject({
    type: z.literal('complaint-wave'),
    provider,
    fromDay,
    days,
    factor: z
      .number()
      .positive()
      .max(1_000)
      .describe('Times the usual complaints about mail delivered while it lasts')
      .meta({ examples: [6] }),
  })
  .describe('Readers complain more often, of every campaign: the mail has become worse')
  .meta({ examples: [{ type: 'complaint-wave', provider: 'yahoo', fromDay: 5, days: 3, factor: 6 }] });

export const badNeighbour = z
  .strictObject({
    type: z.literal('bad-neighbour'),
    provider,
    network: z
      .cidrv4()
      .regex(/\.0\/24$/, 'must be a /24, such as 127.10.0.0/24')
      .describe('The /24 in which somebody else sends spam')
      .meta({ examples: ['127.10.0.0/24'] }),
    fromDay,
    days,
    damage: share
      .describe(
        'How bad the standing of the /24 is while it lasts, 0 to 1: from 0.3 mail goes to junk, from 0.6 it is refused',
      )
      .meta({ examples: [0.4, 0.7] }),
  })
  .describe(
    'A neighbour in the /24 misbehaves; the provider needs `netblockReputation`. Afterwards the /24 heals by 30% a day',
  )
  .meta({
    examples: [
      { type: 'bad-neighbour', provider: 'google', network: '127.10.0.0/24', fromDay: 4, days: 2, damage: 0.7 },
    ],
  });

export const listing = z
  .strictObject({
    type: z.literal('listing'),
    blocklist: hostnameSchema
      .describe('Zone of one of the `blocklists` of this world')
      .meta({ examples: ['bl.lab.example'] }),
    network: z
      .union([z.ipv4(), z.cidrv4()])
      .describe('Address or network that is listed')
      .meta({ examples: ['127.10.0.11', '127.10.0.0/24'] }),
    fromDay,
    days,
  })
  .describe('A blocklist lists an address or a network, and takes it off again')
  .meta({
    examples: [{ type: 'listing', blocklist: 'bl.lab.example', network: '127.10.0.11', fromDay: 5, days: 2 }],
  });
