/** `preflight`: what is looked at before an address starts, beyond what the rest of the configuration says. */
import { z } from 'zod';
import { DNSBLS } from '../../policy/preflight/dnsbl.ts';

const domain = z
  .string()
  .regex(/^([a-z0-9_]([a-z0-9_-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i, 'a domain name such as example.com');

export const preflightSchema = z
  .strictObject({
    /** Domains mail is sent from. Default: those of DKIM keys and of users. */
    domains: z.array(domain).default([]),
    /** DNS lists that are asked; default: policy/preflight/dnsbl.ts. Lists with a key of yours have it in their zone. */
    dnsbls: z
      .array(
        z.strictObject({
          zone: domain,
          /** Does a listing stop a start? */
          listed: z.enum(['fail', 'warn']).default('fail'),
        }),
      )
      .default([...DNSBLS]),
  })
  .prefault({});
