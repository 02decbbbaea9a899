/** What is looked at for each address: that it can be bound, its names, SPF, and DNS lists. */

import { judgeSpf, type SpfFound } from '../../policy/preflight/authentication.ts';
import { type Check, fail, pass } from '../../policy/preflight/check.ts';
import { type Dnsbl, judgeDnsbl, reversedName } from '../../policy/preflight/dnsbl.ts';
import { judgeEhlo, judgePtr } from '../../policy/preflight/identity.ts';
import { isPublic } from '../../policy/ranges/expand.ts';
import type { Queryable } from '../../store/connect.ts';
import { boundAt } from '../../store/preflights.ts';
import { bindProblem } from '../doctor/network.ts';
import { ago } from '../terminal/time.ts';
import type { Dns } from './dns.ts';

/** A bind that another node tried is believed for a day. */
const BOUND_MS = 86_400_000;
/** RFC 7208 §4.6.4 wants at least 20 s. */
const SPF_MS = 20_000;

export interface Looked {
  readonly address: string;
  readonly node: string;
  readonly ehloName: string;
}

export interface AddressParts {
  readonly db: Queryable;
  readonly dns: Dns;
  /** The node this runs on. */
  readonly node: string;
  /** Domains of return paths. */
  readonly returnPaths: readonly string[];
  readonly dnsbls: readonly Dnsbl[];
  readonly now: number;
}

export async function checkAddress(looked: Looked, parts: AddressParts): Promise<Check[]> {
  const { address } = looked;
  const [bind, names, spf, lists] = await Promise.all([
    checkBind(looked, parts),
    checkNames(looked, parts.dns),
    Promise.all(parts.returnPaths.map((domain) => checkSpf(looked, domain, parts.dns))),
    isPublic(address)
      ? Promise.all(parts.dnsbls.map((list) => checkList(address, list, parts.dns)))
      : [pass('dnsbl', address, 'no public address: no list can have it')],
  ]);
  return [bind, ...names, ...spf, ...lists];
}

/** A failed bind never falls back to another address: mail of its lanes would wait for ever. */
async function checkBind({ address, node }: Looked, { db, node: here, now }: AddressParts): Promise<Check> {
  if (node === here) {
    const problem = await bindProblem(address);
    if (problem === undefined) return pass('bind', address, 'this machine can send from it');
    return fail('bind', address, problem, `add it to an interface: ip address add ${address}/32 dev <interface>`);
  }
  // Only its own node can tell.
  const at = await boundAt(db, address, node, now - BOUND_MS);
  if (at !== undefined) return pass('bind', address, `node ${node} could send from it ${ago(at, now)}`);
  return fail(
    'bind',
    address,
    `it belongs to node ${node}, and this is ${here}`,
    `run ./rampart warmup preflight ${address} there first, or start it there`,
  );
}

async function checkNames({ address, ehloName }: Looked, dns: Dns): Promise<Check[]> {
  const ptr = await dns.names(address);
  const wanted = [ehloName, ...(ptr.kind === 'found' ? ptr.values : [])].map((name) =>
    name.toLowerCase().replace(/\.$/, ''),
  );
  const forward = Object.fromEntries(
    await Promise.all(wanted.map(async (name) => [name, await dns.addresses(name)] as const)),
  );
  const names = { address, ehloName, ptr, forward };
  return [judgePtr(names), judgeEhlo(names)];
}

async function checkSpf({ address, ehloName }: Looked, domain: string, dns: Dns): Promise<Check> {
  // Loaded when it is needed: it is slower to load than everything else here.
  const { spf } = await import('mailauth/lib/spf/index.js');
  const found = await spf({
    ip: address,
    helo: ehloName,
    sender: `postmaster@${domain}`,
    mta: 'rampart',
    resolver: dns.resolve as never,
    strict: true,
    maxElapsedTime: SPF_MS,
  });
  const comment = String(found.status.comment ?? '').replace(/^rampart: /, '');
  const { rr } = found as { rr?: string };
  const result = found.status.result as SpfFound['result'];
  return judgeSpf({ address, domain, result, comment, ...(rr === undefined ? {} : { record: rr }) });
}

async function checkList(address: string, list: Dnsbl, dns: Dns): Promise<Check> {
  const ask = (ip: string) => dns.addresses(reversedName(ip, list.zone));
  const [entry, mustBe, mustNotBe] = await Promise.all([ask(address), ask('127.0.0.2'), ask('127.0.0.1')]);
  return judgeDnsbl({ address, list, entry, mustBe, mustNotBe });
}
