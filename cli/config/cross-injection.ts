/** What is wrong between a listener and the rest of the configuration. Pure. */
import { isEverybody, trusting } from '../../mta/injection/trusted-peers.ts';
import type { Problem } from './problems.ts';
import type { CheckedConfig } from './schema.ts';

/** Rights of listeners without sign-in: their pools exist, and their peers are no proxies. */
export function listenerProblems(config: CheckedConfig): Problem[] {
  const problems: Problem[] = [];
  const pools = Object.keys(config.pools);
  for (const [index, listener] of config.mta.listeners.entries()) {
    if (listener.role !== 'internal') continue;
    const path = ['mta', 'listeners', index];
    for (const [at, pool] of listener.pools.entries()) {
      if (pools.includes(pool)) continue;
      problems.push({ path: [...path, 'pools', at], says: `expected one of ${pools.join(', ')}, found "${pool}"` });
    }
    for (const [at, peer] of listener.peers.entries()) {
      if (!isEverybody(peer)) continue;
      const says = `${peer} is half the world, and this listener relays for its peers: name your own networks`;
      problems.push({ path: [...path, 'peers', at], says });
    }
    const trusted = trusting(listener.peers);
    for (const proxy of listener.proxyFrom ?? []) {
      // A proxy that can not tell its client would make everybody behind it a trusted peer.
      if (!trusted(proxy)) continue;
      problems.push({ path: [...path, 'peers'], says: `${proxy} is a proxy: list its clients, not the proxy` });
    }
  }
  return problems;
}
