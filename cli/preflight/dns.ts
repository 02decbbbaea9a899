/** Questions to DNS, each asked once in a preflight: a range of a hundred addresses shares its domains. */
import { Resolver } from 'node:dns/promises';
import type { Lookup } from '../../policy/preflight/check.ts';
import { reversedName } from '../../policy/preflight/dnsbl.ts';

const TRY_MS = 2_500;
const TRIES = 2;

/** What mailauth asks with: as `dns.promises.resolve`. */
export type Resolve = (name: string, type: string) => Promise<string[]>;

export interface Dns {
  addresses(name: string): Promise<Lookup>;
  /** TXT records, the strings of each joined. */
  texts(name: string): Promise<Lookup>;
  /** PTR names of an IPv4 address. */
  names(address: string): Promise<Lookup>;
  readonly resolve: Resolve;
}

/** `servers`: `ip:port`; none: the system's. */
export function openDns(servers: readonly string[]): Dns {
  const resolver = new Resolver({ timeout: TRY_MS, tries: TRIES });
  if (servers.length > 0) resolver.setServers([...servers]);
  const asked = new Map<string, Promise<unknown>>();
  const once = <T>(key: string, ask: () => Promise<T>): Promise<T> => {
    const known = asked.get(key) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const answer = ask();
    answer.catch(() => {});
    asked.set(key, answer);
    return answer;
  };
  const resolve = (name: string, type: string) =>
    once(`${type} ${name.toLowerCase()}`, () => resolver.resolve(name, type) as Promise<string[]>);
  return {
    addresses: (name) => lookup(resolve(name, 'A')),
    texts: (name) =>
      lookup(
        (resolve(name, 'TXT') as Promise<unknown> as Promise<string[][]>).then((rows) =>
          rows.map((strings) => strings.join('')),
        ),
      ),
    // Not Resolver.reverse(): that one believes /etc/hosts, and calls a server that refuses "no such name".
    names: (address) => lookup(resolve(reversedName(address, 'in-addr.arpa'), 'PTR')),
    resolve,
  };
}

async function lookup(answer: Promise<string[]>): Promise<Lookup> {
  try {
    const values = await answer;
    return values.length === 0 ? { kind: 'none' } : { kind: 'found', values };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Only these two are answers; all others mean that nobody knows.
    if (code === 'ENOTFOUND' || code === 'ENODATA') return { kind: 'none' };
    return { kind: 'failed', why: code ?? message };
  }
}
