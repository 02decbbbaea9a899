/** Options of delivery: TLS towards remote hosts, and DKIM. */
import { domainToASCII } from 'node:url';
import { z } from 'zod';

const policy = z.enum(['none', 'opportunistic', 'required', 'verify']);
const text = z.string().min(1, 'some text');
const domain = z
  .string()
  .refine((value) => /^([a-z0-9_-]+\.)+[a-z0-9-]+$/.test(domainToASCII(value)), 'a domain such as example.com')
  .transform((value) => domainToASCII(value));
const selector = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'a selector of small letters, digits and dashes, such as r20261121');

/** `mta.remoteTls`: what TLS must be on the way out. */
export const remoteTlsSchema = z
  .strictObject({
    /** For everybody that nothing below names. */
    default: policy.default('opportunistic'),
    /** By provider; what is not named keeps its shipped policy. */
    providers: z.record(z.string(), policy, "policies by provider, such as { google: 'required' }").default({}),
    /** By recipient domain: goes before the provider's. */
    domains: z.record(z.string(), policy, "policies by domain, such as { 'example.com': 'verify' }").default({}),
    /** Heed MTA-STS policies (RFC 8461). */
    mtaSts: z.boolean().default(true),
    /** Heed TLSA records (RFC 7672), where the resolver vouches for them. */
    dane: z.boolean().default(true),
    /**
     * The DNS servers validate DNSSEC, and nobody can get between them and this machine. Default: believed of servers on
     * loopback.
     */
    trustAd: z.boolean().optional(),
  })
  .prefault({});

/** `dkim`: who signs. Keys are made and rotated with ./rampart dkim. */
export const dkimSchema = z
  .strictObject({
    /** Keys you keep in PEM files, relative to the configuration file; the others are in the database. */
    keys: z.array(z.strictObject({ domain, selector, file: text })).default([]),
    /** By pool: a domain of your own that signs all of its mail, beside the author's domain. */
    alsoSign: z.record(z.string(), domain, "domains by pool, such as { marketing: 'esp.example' }").default({}),
    /** What private keys in the database are sealed with; without it they are stored as they are. */
    sealKey: z.union([text, z.strictObject({ env: text })], "some text or { env: 'NAME' }").optional(),
  })
  .prefault({});
