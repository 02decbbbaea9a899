/** Whether what an event names is in the world, and whether the place it names can suffer it. Pure. */
import type { Scenario } from './scenario.ts';
import { isCampaign, type ScenarioEvent } from './scenario-events.ts';

export interface MisplacedEvent {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export type Places = Pick<Scenario, 'providers' | 'blocklists' | 'readers'>;

/** What is wrong with where an event is to happen; empty if nothing is. Paths are within the event. */
export function misplaced(event: ScenarioEvent, places: Places): MisplacedEvent[] {
  const keys = places.providers.map((one) => one.key);
  const unknown = (key: string, path: readonly (string | number)[]) => {
    return keys.includes(key) ? [] : [{ path, message: `no provider has the key "${key}", only ${keys.join(', ')}` }];
  };
  if (isCampaign(event)) {
    const nobody = event.providers.flatMap((key, at) => unknown(key, ['providers', at]));
    if (event.type === 'dead-campaign' || places.readers.engagement) return nobody;
    return [...nobody, { path: ['readers'], message: 'all readers are alike here: give `readers.engagement` a value' }];
  }
  if ('blocklist' in event) {
    const zones = places.blocklists.map((one) => one.zone);
    if (zones.includes(event.blocklist)) return [];
    return [{ path: ['blocklist'], message: `no blocklist has the zone "${event.blocklist}", only ${list(zones)}` }];
  }
  const provider = places.providers.find((one) => one.key === event.provider);
  if (!provider) return unknown(event.provider, ['provider']);
  const fault = (message: string, path: string) => [{ path: [path], message }];
  const { key, domains } = provider;
  switch (event.type) {
    case 'tenant-block':
      if (domains.includes(event.domain)) return [];
      return fault(`"${key}" has no domain "${event.domain}", but ${domains.join(', ')}`, 'domain');
    case 'seed-outage':
      return provider.seeds > 0 ? [] : fault(`"${key}" has no seed mailboxes: give it \`seeds\``, 'provider');
    case 'feed-gap':
      return provider.fbl ? [] : fault(`"${key}" has no feedback loop: give it \`"fbl": true\``, 'provider');
    case 'bad-neighbour':
      if (provider.netblockReputation) return [];
      return fault(`"${key}" does not judge networks: give it \`netblockReputation\``, 'provider');
    default:
      return [];
  }
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
