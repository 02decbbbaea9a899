/** KumoMTA's shaping, sources and queues as a Rampart configuration. Pure. */

import { isIPv4 } from 'node:net';
import { type Draft, type DraftAddress, type DraftPool, gatherShaping, namer } from '../draft.ts';
import { KumoEnds, type KumoOutcome } from './ends.ts';
import { isTable, type KumoFile, type Table } from './read.ts';
import { shapingFrom } from './shaping.ts';

export interface KumoImport {
  readonly draft: Draft;
  readonly outcomes: readonly KumoOutcome[];
  readonly notes: readonly string[];
}

/** Files in the order in which KumoMTA loads them: the later wins. */
export function importKumoMta(files: readonly KumoFile[], commonProviders: readonly string[]): KumoImport {
  const ends = new KumoEnds();
  const of = (kind: KumoFile['kind']) => files.filter((one) => one.kind === kind);
  const shaping = shapingFrom(of('shaping'), ends);
  const { pools, poolNames } = poolsFrom(of('sources'), new Set(shaping.daily.keys()), ends);
  queuesFrom(of('queues'), poolNames, ends);
  const gathered = gatherShaping(new Map([['all', shaping.rows]]));
  const named = Object.keys(shaping.rows).filter((key) => key !== 'default' && !commonProviders.includes(key));
  const { default: tls, providers, domains } = shaping.tls;
  const remoteTls = {
    ...(tls === undefined ? {} : { default: tls }),
    ...(Object.keys(providers).length === 0 ? {} : { providers }),
    ...(Object.keys(domains).length === 0 ? {} : { domains }),
  };
  const cold = Object.values(pools).flatMap((pool) => (pool.addresses ?? []).filter((one) => one.standing === 'cold'));
  return {
    draft: {
      pools,
      ...(named.length === 0 ? {} : { providers: [...commonProviders, ...named.sort()] }),
      ...(Object.keys(remoteTls).length === 0 ? {} : { mta: { remoteTls } }),
      ...(gathered === undefined ? {} : { shaping: gathered }),
    },
    outcomes: ends.outcomes,
    notes: [
      ...cold.map(
        ({ ip }) => `${ip} had a source_selection_rate, so it is cold: ./rampart warmup start ${ip} --plan six-week`,
      ),
      ...(Object.keys(pools).length === 0 ? ['no source has an IPv4 address: there is no pool to write'] : []),
    ],
  };
}

/** A Rampart address belongs to one pool, once: the first that names its source has it. */
function poolsFrom(
  files: readonly KumoFile[],
  cold: ReadonlySet<string>,
  ends: KumoEnds,
): { readonly pools: Record<string, DraftPool>; readonly poolNames: ReadonlyMap<string, string> } {
  const sources = new Map<string, Omit<DraftAddress, 'standing'>>();
  for (const { file, table } of files) {
    for (const [name, source] of entriesOf(table.source)) {
      const address = source.source_address;
      const ehlo = source.ehlo_domain;
      const usable = typeof address === 'string' && isIPv4(address);
      for (const key of Object.keys(source)) {
        const path = ['source', name, key];
        if (key === 'source_address') {
          if (usable) ends.translated(file, path, 'an address of its pool');
          else ends.lost(file, path, 'only IPv4 addresses are sent from');
        } else if (key === 'ehlo_domain') ends.translated(file, path, 'ehloName');
        else if (/proxy|ttl|remote_port/.test(key))
          ends.lost(file, path, 'mail can not leave through a proxy or another port');
        else ends.catalogued(file, path, key);
      }
      if (!usable) continue;
      const placeholder = `ip-${address.replaceAll('.', '-')}.invalid`;
      sources.set(name, { ip: address, ehloName: typeof ehlo === 'string' ? ehlo : placeholder });
    }
  }
  const pools: Record<string, DraftPool> = {};
  const poolNames = new Map<string, string>();
  const taken = new Map<string, string>();
  const naming = namer();
  const put = (given: string, members: readonly string[]): void => {
    const addresses = members.flatMap((member): DraftAddress[] => {
      const source = sources.get(member);
      if (source === undefined || taken.has(source.ip)) return [];
      return [{ ...source, standing: cold.has(member) ? 'cold' : 'warm' }];
    });
    const unique = [...new Map(addresses.map((one) => [one.ip, one])).values()];
    if (unique.length === 0) return;
    const name = naming(given);
    for (const { ip } of unique) taken.set(ip, name);
    const warm = unique.some((one) => one.standing === 'warm');
    pools[name] = { ...(warm ? {} : { overflow: 'wait' as const }), addresses: unique };
    poolNames.set(given, name);
  };
  for (const { file, table } of files) {
    for (const [name, pool] of entriesOf(table.pool)) {
      put(name, Object.keys(pool));
      for (const [member, entry] of Object.entries(pool)) {
        const path = ['pool', name, member];
        const source = sources.get(member);
        const of = source === undefined ? undefined : taken.get(source.ip);
        if (of === undefined) ends.lost(file, path, 'no source of that name has an IPv4 address');
        else if (of !== poolNames.get(name)) ends.lost(file, path, `an address belongs to one pool: it is in ${of}`);
        else ends.translated(file, path, `pool ${of}`);
        if (isTable(entry) && 'weight' in entry)
          ends.lost(file, [...path, 'weight'], 'addresses of a pool are not weighted: a cold one has its plan');
      }
    }
  }
  for (const name of sources.keys()) put(name, [name]);
  return { pools, poolNames };
}

function queuesFrom(files: readonly KumoFile[], pools: ReadonlyMap<string, string>, ends: KumoEnds): void {
  const walk = (file: string, path: readonly string[], table: Table): void => {
    for (const [key, value] of Object.entries(table)) {
      const at = [...path, key];
      if (isTable(value)) walk(file, at, value);
      else if (key === 'egress_pool' && pools.has(String(value)))
        ends.lost(file, at, `mail is not sorted by tenant: give its user pool ${pools.get(String(value))}`);
      else ends.catalogued(file, at, key);
    }
  };
  for (const { file, table } of files) walk(file, [], table);
}

function entriesOf(table: unknown): [string, Table][] {
  return isTable(table) ? Object.entries(table).filter((entry): entry is [string, Table] => isTable(entry[1])) : [];
}
