/**
 * `pools`: addresses that share a stream of mail, or an upstream that takes it, and where mail goes that a pool's cold
 * lanes may not take. What only shows between pools is checked in pool-checks.ts.
 */
import { isIPv4 } from 'node:net';
import { z } from 'zod';
import type { Overflow } from '../../policy/overflow.ts';

/** Names of pools, users and machines. */
export const name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]*$/i,
    'a name of letters, digits, dots, dashes and underscores that starts with a letter or digit',
  );
export const hostName = z
  .string()
  .regex(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i, 'a host name such as mta-1.example.com');
const text = z.string().min(1, 'some text');
const count = z.int().min(1);
const ipv4 = z.string().refine(isIPv4, 'an IPv4 address such as 198.51.100.8 (Rampart does not send over IPv6)');
const secret = z.union([text, z.strictObject({ env: text })], "some text or { env: 'NAME' }");

const address = z.strictObject({
  /** The sending IPv4 address; this machine (its `node`) must be able to bind it. */
  ip: ipv4,
  /** The name it greets with: must be the address's own PTR name, and resolve back to it. */
  ehloName: hostName,
  /** `cold`: warms up under a plan. `warm`: already carries volume. */
  standing: z.enum(['cold', 'warm']),
  /** A warm address's normal limit, messages a day, by provider; `default` is for the rest. */
  normal: z
    .record(z.string(), count, 'messages a day by provider, such as { google: 20_000, default: 50_000 }')
    .default({}),
});

const HOST = 'host:port such as smtp.old.example:587 (port 25 where none is given)';
const host = z
  .string()
  .refine((value) => parseHost(value) !== undefined, HOST)
  .transform((value) => parseHost(value) ?? { host: value, port: 25 });

/** `host` or `host:port`. */
export function parseHost(value: string): { readonly host: string; readonly port: number } | undefined {
  const [, host = '', port = '25'] = /^([a-z0-9._-]+?)(?::(\d{1,5}))?$/i.exec(value) ?? [];
  return host === '' || Number(port) < 1 || Number(port) > 65_535 ? undefined : { host, port: Number(port) };
}

const upstream = z.strictObject({
  /** Where its mail goes, in order: the next one is tried when one can not be reached. */
  hosts: z.array(host).min(1, 'at least one host:port'),
  /** How this machine signs in there. */
  auth: z.strictObject({ user: text, password: secret }).optional(),
  /** How a tenant's mail signs in instead, by tenant. */
  tenants: z
    .record(
      text,
      z.strictObject({ user: text, password: secret }),
      "sign-ins by tenant, such as { acme: { user: 'acme', password: { env: 'ACME' } } }",
    )
    .optional(),
  /** `verify`: TLS, and the host's certificate is checked. A password is only sent over TLS, or to loopback. */
  tls: z.enum(['none', 'opportunistic', 'required', 'verify']).default('opportunistic'),
  /** Connections at once, over all processes. */
  connections: count.default(10),
  messagesPerConnection: count.default(100),
  /** Adds X-Rampart-Trace, by which reports of that engine join the mail they are about; default: nothing of ours is added. */
  trace: z.boolean().optional(),
  /** Address of this machine to connect from; default: the system chooses. */
  localAddress: ipv4.optional(),
  /** The name it is greeted with; default: the listeners' name. */
  ehloName: hostName.optional(),
});

const OVERFLOW = 'one of warm-peers, wait, refuse or pool:<name of another pool>';
const overflow = z
  .string(OVERFLOW)
  .regex(/^(warm-peers|wait|refuse|pool:.+)$/, OVERFLOW)
  .transform((value) => value as Overflow);

/** One pool: `addresses`, or `upstream`. */
export const pool = z.strictObject({
  /** Where mail goes that a cold lane may not take now (policy/overflow.ts). */
  overflow: overflow.default('warm-peers'),
  addresses: z.array(address).min(1, 'at least one address').optional(),
  /** An engine that takes this pool's mail as it was handed in, instead of addresses of ours. */
  upstream: upstream.optional(),
});

export type CheckedPool = z.output<typeof pool>;
