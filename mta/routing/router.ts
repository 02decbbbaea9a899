/** Gives queued mail its provider when its domain was not known at injection. */
import type { Store } from '../../store/connect.ts';
import { bounceDomain, routeDomain, unroutedDomains } from '../../store/queue.ts';
import { type MailResolver, NoMail } from './resolver.ts';

/** Routes what waits. Returns the providers that got mail. Domains whose DNS does not answer wait for the next round. */
export async function routeWaiting(store: Store, resolver: MailResolver, process: string): Promise<Set<string>> {
  const routed = new Set<string>();
  for (const domain of await unroutedDomains(store, 200)) {
    try {
      const { provider } = await resolver.route(domain);
      await routeDomain(store, domain, provider);
      routed.add(provider);
    } catch (error) {
      if (error instanceof NoMail) await bounceDomain(store, domain, `550 5.1.2 ${error.message}`, process);
    }
  }
  return routed;
}
