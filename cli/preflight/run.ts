/** A whole preflight: what is looked at once for all addresses, and what for each. */
import { CHECKS, type Check, type CheckName, forUnseen, skip, warn } from '../../policy/preflight/check.ts';
import { isPublic } from '../../policy/ranges/expand.ts';
import type { Queryable } from '../../store/connect.ts';
import { dkimKeys } from '../../store/dkim.ts';
import { insertPreflight } from '../../store/preflights.ts';
import { listUsers } from '../../store/users.ts';
import { badInput, type CommandOption, type Invocation, text } from '../command.ts';
import { loadConfig, type ResolvedConfig } from '../config/load.ts';
import { checkSeed } from '../doctor/network.ts';
import { checkAddress, type Looked } from './address.ts';
import { openDns } from './dns.ts';
import { checkDomains } from './domain.ts';
import { checkListeners } from './listeners.ts';
import { readSample } from './sample.ts';

/** Addresses looked at together: name servers limit what one client may ask at once. */
const AT_ONCE = 8;

export const PREFLIGHT_OPTIONS: readonly CommandOption[] = [
  {
    name: 'sample',
    type: 'string',
    value: 'FILE',
    says: 'a message of your mailing, to look for one-click unsubscribe',
  },
  {
    name: 'domain',
    type: 'string',
    value: 'D,…',
    says: 'domains mail is sent from (default: those known from keys and users)',
  },
  {
    name: 'skip-check',
    type: 'string',
    value: 'NAME,…',
    says: `checks that may fail: ${CHECKS.join(', ')}; wants --reason`,
  },
];

export interface AddressPreflight {
  readonly address: string;
  readonly checks: readonly Check[];
}

/** The checks of `--skip-check`; throws CliError `bad-input` for an unknown one, or without a reason. */
export function skipped(invocation: Invocation): readonly CheckName[] {
  const given = text(invocation, 'skip-check');
  if (given === undefined) return [];
  const names = given.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !CHECKS.includes(name as CheckName));
  if (unknown.length > 0)
    throw badInput(`--skip-check names "${unknown.join(', ')}": choose among ${CHECKS.join(', ')}`);
  if (!text(invocation, 'reason')?.trim()) throw badInput('--skip-check wants a --reason: it is kept with the start');
  return names as CheckName[];
}

/** Looks at addresses of one pool. Writes nothing. */
export async function runPreflight(
  invocation: Invocation,
  db: Queryable,
  pool: string,
  looked: readonly Looked[],
): Promise<AddressPreflight[]> {
  const names = skipped(invocation);
  const reason = text(invocation, 'reason')?.trim() ?? '';
  const config = await loadConfig({ file: text(invocation, 'config'), env: invocation.env });
  const sample = await readSample(text(invocation, 'sample'));
  const now = Date.now();
  const dns = openDns(config.mta.resolvers);
  const keys = await dkimKeys(db);
  const { bounceDomain, delivery } = config.mta;
  const alsoSign = delivery?.dkim.alsoSign[pool];
  const signing = keys.filter(({ state, domain }) => state !== 'retired' && domain !== alsoSign);
  const authors = await senderDomains(invocation, db, config, pool, {
    sample: sample.domain,
    keys: signing.map(({ domain }) => domain),
  });
  const [ofDomains, ofListeners, ofSeeds] = await Promise.all([
    checkDomains(authors, { dns, keys, bounceDomain, alsoSign }),
    checkListeners(config, now),
    checkSeeds(config),
  ]);
  const shared = [...ofDomains, ...ofListeners, ...ofSeeds, sample.check];
  const returnPaths = bounceDomain === undefined ? authors : [bounceDomain];
  const parts = { db, dns, node: config.node, returnPaths, dnsbls: config.preflight.dnsbls, now };
  const done: AddressPreflight[] = [];
  for (let at = 0; at < looked.length; at += AT_ONCE) {
    const some = looked.slice(at, at + AT_ONCE).map(async (one) => {
      const found = [...(await checkAddress(one, parts)), ...shared];
      const counted = isPublic(one.address) ? found : forUnseen(found);
      return { address: one.address, checks: skip(inOrder(counted), names, reason) };
    });
    done.push(...(await Promise.all(some)));
  }
  return done;
}

/** Keeps what was found of each address on this node; the ids, by address. */
export async function keepPreflight(
  db: Queryable,
  found: readonly AddressPreflight[],
  node: string,
  actor: string,
): Promise<ReadonlyMap<string, number>> {
  const ids = new Map<string, number>();
  for (const { address, checks } of found)
    ids.set(address, await insertPreflight(db, { address, node, actor, checks }));
  return ids;
}

/** The node this command runs on. */
export async function thisNode(invocation: Invocation): Promise<string> {
  return (await loadConfig({ file: text(invocation, 'config'), env: invocation.env })).node;
}

function inOrder(checks: readonly Check[]): Check[] {
  return checks.toSorted((a, b) => CHECKS.indexOf(a.name) - CHECKS.indexOf(b.name));
}

/**
 * The named ones; else what the configuration, the rights of the pool's users and the sample say; else every domain with a key,
 * which may be more than this pool's.
 */
async function senderDomains(
  invocation: Invocation,
  db: Queryable,
  config: ResolvedConfig,
  pool: string,
  known: { readonly sample: string | null; readonly keys: readonly string[] },
): Promise<string[]> {
  const given = text(invocation, 'domain');
  if (given !== undefined) {
    const names = given.split(',').map((name) => name.trim().toLowerCase());
    const wrong = names.find((name) => !/^([a-z0-9_-]+\.)+[a-z0-9-]+$/.test(name));
    if (wrong !== undefined) throw badInput(`--domain has "${wrong}": write a domain such as example.com`);
    return [...new Set(names)];
  }
  const users = [...config.mta.submission.users, ...(await listUsers(db))].filter((user) => user.pools.includes(pool));
  // `*.example.com` is a right, not a domain.
  const rights = users.flatMap((user) => user.domains ?? []).filter((domain) => !domain.startsWith('*'));
  const said = [...config.preflight.domains, ...rights, ...(known.sample === null ? [] : [known.sample])];
  return [...new Set((said.length > 0 ? said : known.keys).map((domain) => domain.toLowerCase()))];
}

async function checkSeeds(config: ResolvedConfig): Promise<Check[]> {
  if (config.seeds.length === 0)
    return [warn('seeds', 'seeds', 'there are none: placement is not seen', 'add mailboxes of your own to seeds')];
  return Promise.all(
    config.seeds.map(async (seed): Promise<Check> => {
      const { ok, says, todo } = await checkSeed(seed);
      const found = { name: 'seeds' as const, about: seed.address, says };
      return ok ? { ...found, verdict: 'pass' } : { ...found, verdict: 'fail', todo: todo ?? 'correct it' };
    }),
  );
}
