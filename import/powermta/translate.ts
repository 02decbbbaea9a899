/**
 * A PowerMTA configuration as a Rampart one: the draft, what became of every line, and what has to be done by hand.
 * Pure: files come through `ConfigFiles`, questions about the machine through `Machine`.
 */
import { type Draft, type DraftAddress, type DraftPool, gatherShaping, type ImportedSecret } from '../draft.ts';
import type { Outcome } from '../outcome.ts';
import { accessFrom, type Machine } from './access.ts';
import { type Addresses, addressesFrom, type PoolDraft } from './addresses.ts';
import { type ColdPlan, coldPlansFrom, coldWithoutPlan } from './cold-plans.ts';
import { Ends } from './ends.ts';
import { keysFrom, type NamedKey } from './keys.ts';
import { limitsOf, type PoolLimits } from './limits.ts';
import { wordsOf } from './lines.ts';
import { type Model, modelOf } from './model.ts';
import { tlsFrom } from './tls.ts';
import { type ConfigFiles, directivesOf, readTree } from './tree.ts';
import { type Upstreams, upstreamsFrom } from './upstreams.ts';

export interface PowerMtaImport {
  readonly model: Model;
  readonly draft: Draft;
  readonly outcomes: readonly Outcome[];
  readonly keys: readonly NamedKey[];
  readonly secrets: readonly ImportedSecret[];
  readonly plans: readonly ColdPlan[];
  /** What people should know or do, a line each. */
  readonly notes: readonly string[];
  readonly lines: number;
  /** Lines that say nothing by themselves. */
  readonly silent: number;
}

export interface TranslateOptions {
  readonly files: ConfigFiles;
  readonly machine: Machine;
  /** Lanes every address has when a configuration names none. */
  readonly commonProviders: readonly string[];
}

export function importPowerMta(first: string, options: TranslateOptions): PowerMtaImport {
  const model = modelOf(readTree(options.files, first));
  const { tree } = model;
  const ends = new Ends();
  const secrets: ImportedSecret[] = [];
  tellIncludes(model, ends);
  const hostName = hostNameOf(model, ends);
  const upstreams = upstreamsFrom(model, ends, secrets);
  const addresses = addressesFrom(model, ends, hostName, new Set(upstreams.poolOf.keys()));
  const limits = new Map(
    addresses.pools.map((pool) => [
      pool,
      limitsOf(
        model,
        pool,
        pool.addresses.map((a) => a.ip),
        ends,
      ),
    ]),
  );
  const plans = coldPlansFrom(model, addresses, ends);
  const tls = tlsFrom(model, ends);
  const poolOf = (name: string) => upstreams.poolOf.get(name) ?? addresses.poolOf.get(name)?.name;
  const fallback = addresses.pools[0]?.name ?? Object.keys(upstreams.pools)[0] ?? '';
  const access = accessFrom(model, ends, poolOf, fallback, secrets, options.machine);
  const keys = keysFrom(model, ends);
  tellRollups(model, ends, limits);
  const pools = poolsOf(addresses, limits, upstreams);
  const mta = { ...access.mta, ...(tls === undefined ? {} : { remoteTls: tls }) };
  const shaping = gatherShaping(new Map([...limits].map(([pool, { rows }]) => [pool.name, rows])));
  const providers = providersOf(limits, plans, options.commonProviders);
  const draft: Draft = {
    ...(hostName === undefined ? {} : { hostname: hostName }),
    pools,
    ...(providers === undefined ? {} : { providers }),
    ...(access.users.length === 0 ? {} : { users: access.users }),
    ...(Object.keys(mta).length === 0 ? {} : { mta }),
    ...(shaping === undefined ? {} : { shaping }),
    ...(plans.length === 0 ? {} : { plans: Object.fromEntries(plans.map(({ name, plan }) => [name, plan])) }),
  };
  return {
    model,
    draft,
    outcomes: ends.outcomes(tree),
    keys,
    secrets,
    plans,
    notes: notesOf(draft, addresses, plans, secrets, keys),
    lines: [...tree.lines.values()].reduce((sum, lines) => sum + lines, 0),
    silent: tree.silent,
  };
}

function tellIncludes(model: Model, ends: Ends): void {
  for (const node of model.tree.nodes) {
    if (node.kind === 'block') {
      const bad = model.badDomains.get(node);
      if (bad === undefined) continue;
      ends.notSupported(node, bad);
      // Its lines speak for no domain; the reason stands with the block, and with each of them.
      for (const line of directivesOf(node)) ends.notSupported(line, `its block speaks for no domain: ${bad}`);
    } else if (node.name === 'include') {
      const told = model.tree.includes.find((one) => one.file === node.file && one.line === node.line);
      if (told?.ok === false) ends.notSupported(node, told.says);
      else if (told !== undefined) ends.translated(node, told.says);
    }
  }
}

function hostNameOf(model: Model, ends: Ends): string | undefined {
  const line = directivesOf(model.tree.root, 'host-name').at(-1);
  const [name = ''] = wordsOf(line?.value ?? '');
  if (line === undefined || !/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i.test(name))
    return undefined;
  ends.translated(line, 'hostname');
  return name;
}

/** A rollup whose hosts are a provider's is what Rampart does anyway. */
function tellRollups(model: Model, ends: Ends, limits: ReadonlyMap<PoolDraft, PoolLimits>): void {
  for (const { directive } of model.rollups)
    ends.notNeeded(
      directive,
      limits.size === 0 ? 'mail is grouped by MX' : 'mail is grouped by the provider behind its MX, always',
    );
}

function poolsOf(
  addresses: Addresses,
  limits: ReadonlyMap<PoolDraft, PoolLimits>,
  upstreams: Upstreams,
): Record<string, DraftPool> {
  const pools: Record<string, DraftPool> = {};
  for (const pool of addresses.pools) {
    const normal = limits.get(pool)?.normal ?? {};
    const withNormal = (address: PoolDraft['addresses'][number]): DraftAddress =>
      address.standing === 'warm' && Object.keys(normal).length > 0 ? { ...address, normal } : address;
    const warm = pool.addresses.some((address) => address.standing === 'warm');
    // Mail of a pool without warm addresses has nowhere to overflow to: it waits.
    pools[pool.name] = { ...(warm ? {} : { overflow: 'wait' }), addresses: pool.addresses.map(withNormal) };
  }
  return { ...pools, ...upstreams.pools };
}

/** Lanes beyond the usual ones, for providers that have figures of their own. */
function providersOf(
  limits: ReadonlyMap<PoolDraft, PoolLimits>,
  plans: readonly ColdPlan[],
  common: readonly string[],
): string[] | undefined {
  const named = new Set([
    ...[...limits.values()].flatMap(({ rows, normal }) => [...Object.keys(rows), ...Object.keys(normal)]),
    ...plans.flatMap(({ plan }) => Object.keys(plan.rows ?? {})),
  ]);
  named.delete('default');
  const more = [...named].filter((provider) => !common.includes(provider));
  return more.length === 0 ? undefined : [...common, ...more.sort()];
}

function notesOf(
  draft: Draft,
  addresses: Addresses,
  plans: readonly ColdPlan[],
  secrets: readonly ImportedSecret[],
  keys: readonly NamedKey[],
): string[] {
  const all = addresses.pools.flatMap((pool) => pool.addresses);
  const nameless = all.filter(({ ehloName }) => ehloName.endsWith('.invalid'));
  const unplanned = coldWithoutPlan(addresses.pools, plans);
  return [
    ...(all.some(({ standing }) => standing === 'warm')
      ? ["addresses that sent already are standing 'warm': where one has not, make it 'cold' before ./rampart up"]
      : []),
    ...nameless.map(({ ip }) => `${ip} has no name to greet with: write its PTR name as ehloName`),
    ...plans.map(
      ({ name, addresses: ips, plan }) =>
        `${ips.join(', ')}: ./rampart warmup start ${ips[0]} --plan ${name}${plan.capped === true ? ' (it grew faster than a plan may: stages are put in)' : ''}`,
    ),
    ...unplanned.map(
      (ip) => `${ip} is cold and no max-cold-virtual-mta-msg speaks for it: choose a plan (./rampart plan list)`,
    ),
    ...(secrets.length === 0
      ? []
      : [`set ${secrets.map(({ env }) => env).join(', ')} in the environment (--secrets FILE writes them to a file)`]),
    ...(keys.length === 0 ? [] : [`${keys.length} DKIM keys: import them with --dkim when Rampart is running`]),
    ...(Object.keys(draft.pools).length === 0
      ? ['no virtual MTA has an IPv4 address of its own: there is no pool to write']
      : []),
  ];
}
