/** What a schema can not see: values that are right by themselves and wrong together. Pure. */
import { type Calendar, checkCalendar } from '../../policy/calendar.ts';
import { listenerProblems } from './cross-injection.ts';
import { gatesProblems } from './gates.ts';
import { planProblems } from './plan-problems.ts';
import { poolProblems } from './pool-checks.ts';
import type { Problem } from './problems.ts';
import { cutoverProblems } from './resolved-cutovers.ts';
import { ALL_PROVIDERS, type CheckedConfig } from './schema.ts';

/** Problems between the parts of a configuration; `calendar` is the one its `calendar` key means. */
export function crossProblems(config: CheckedConfig, calendar: Calendar): Problem[] {
  return [
    ...checkCalendar(calendar).map((says) => ({ path: ['calendar'], says })),
    ...poolProblems(config.pools),
    ...addressProblems(config),
    ...userProblems(config),
    ...feedProblems(config),
    ...sinkProblems(config),
    ...listenerProblems(config),
    ...deliveryProblems(config),
    ...shapingProblems(config),
    ...gatesProblems(config.gates, Object.keys(config.pools)),
    ...planProblems(config.plans, config.providers),
    ...cutoverProblems(config),
  ];
}

function addressProblems(config: CheckedConfig): Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, string>();
  for (const [pool, { addresses }] of Object.entries(config.pools)) {
    for (const [index, address] of (addresses ?? []).entries()) {
      const path = ['pools', pool, 'addresses', index];
      const other = seen.get(address.ip);
      if (other !== undefined) {
        const where = other === pool ? `twice in pool ${pool}` : `in pool ${other} as well`;
        problems.push({
          path: [...path, 'ip'],
          says: `${address.ip} is ${where}: an address belongs to one pool, once`,
        });
      }
      seen.set(address.ip, pool);
      for (const provider of Object.keys(address.normal)) {
        if (provider === 'default' || config.providers.includes(provider)) continue;
        problems.push({
          path: [...path, 'normal', provider],
          says: `expected a provider listed in "providers" or default`,
        });
      }
    }
  }
  return problems;
}

function userProblems(config: CheckedConfig): Problem[] {
  const problems: Problem[] = [];
  const pools = Object.keys(config.pools);
  const names = config.users.map((user) => user.name);
  for (const [index, user] of config.users.entries()) {
    if (names.indexOf(user.name) !== index) {
      problems.push({ path: ['users', index, 'name'], says: `user "${user.name}" is there twice` });
    }
    for (const [at, pool] of user.pools.entries()) {
      if (pools.includes(pool)) continue;
      problems.push({
        path: ['users', index, 'pools', at],
        says: `expected one of ${pools.join(', ')}, found "${pool}"`,
      });
    }
  }
  return problems;
}

function feedProblems(config: CheckedConfig): Problem[] {
  const problems: Problem[] = [];
  const unknown = (path: PropertyKey[], provider: string) => {
    if (config.providers.includes(provider)) return;
    problems.push({ path, says: `expected a provider listed in "providers", found "${provider}"` });
  };
  for (const [index, seed] of config.seeds.entries()) unknown(['seeds', index, 'provider'], seed.provider);
  for (const [index, provider] of config.complaintFeeds.entries()) unknown(['complaintFeeds', index], provider);
  if (config.complaintFeeds.length > 0 && config.mta.inbound === undefined) {
    // A feed that can not arrive looks like a feed without complaints, and would pass its gate.
    problems.push({
      path: ['complaintFeeds'],
      says: 'no report can arrive: set mta.inbound, or leave complaintFeeds empty',
    });
  }
  return problems;
}

function deliveryProblems({ dkim, mta, pools }: CheckedConfig): Problem[] {
  const problems: Problem[] = [];
  for (const provider of Object.keys(mta.remoteTls.providers)) {
    if (ALL_PROVIDERS.includes(provider)) continue;
    const path = ['mta', 'remoteTls', 'providers', provider];
    problems.push({ path, says: `expected one of ${ALL_PROVIDERS.join(', ')}` });
  }
  for (const pool of Object.keys(dkim.alsoSign)) {
    if (pool in pools) continue;
    problems.push({ path: ['dkim', 'alsoSign', pool], says: `expected one of ${Object.keys(pools).join(', ')}` });
  }
  return problems;
}

function shapingProblems({ shaping, pools }: CheckedConfig): Problem[] {
  const problems: Problem[] = [];
  const provider = (path: PropertyKey[], name: string) => {
    if (name === 'default' || ALL_PROVIDERS.includes(name)) return;
    problems.push({ path, says: `no provider is called "${name}": choose one of ${ALL_PROVIDERS.join(', ')}` });
  };
  for (const name of Object.keys(shaping.providers ?? {})) provider(['shaping', 'providers', name], name);
  for (const [pool, rows] of Object.entries(shaping.pools ?? {})) {
    if (pools[pool] === undefined)
      problems.push({ path: ['shaping', 'pools', pool], says: `expected one of ${Object.keys(pools).join(', ')}` });
    for (const name of Object.keys(rows)) provider(['shaping', 'pools', pool, name], name);
  }
  return problems;
}

/** A sink that waits for a pool nobody has would be silent for ever. */
function sinkProblems(config: CheckedConfig): Problem[] {
  const pools = Object.keys(config.pools);
  return config.events.sinks.flatMap((sink, index) =>
    (sink.pools ?? []).flatMap((pool, at) =>
      pools.includes(pool)
        ? []
        : [
            {
              path: ['events', 'sinks', index, 'pools', at],
              says: `expected one of ${pools.join(', ')}, found "${pool}"`,
            },
          ],
    ),
  );
}
