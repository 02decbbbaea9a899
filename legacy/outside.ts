/** The two things the intake asks the world for: MX records, and a document over https. */
import { Resolver } from 'node:dns/promises';
import type { ResolveMx } from './providers.ts';
import type { Fetch } from './webhook/sns.ts';

const TIMEOUT_MS = 10_000;
/** A certificate has two thousand bytes, an answer of SNS fewer. */
const MOST_BYTES = 65_536;

/** Asks these servers (`ip:port`); none: the system's. */
export function mxResolver(servers: readonly string[]): ResolveMx {
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  if (servers.length > 0) resolver.setServers([...servers]);
  return (domain) => resolver.resolveMx(domain);
}

/** No redirect is followed: where to is the sender's choice. */
export const fetchText: Fetch = async (url) => {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  const body = Buffer.from(await response.arrayBuffer());
  if (body.length > MOST_BYTES) throw new Error(`${url} answers ${body.length} bytes`);
  return body.toString('utf8');
};
