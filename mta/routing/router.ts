/** Gives queued mail its provider when its domain was not known at injection. */
import type { Store } from '../../store/connect.ts';
import { routeToUpstreams } from '../../store/pools.ts';
import { bounceDomain, explainUnrouted, routeDomain, unroutedDomains } from '../../store/queue.ts';
import { type MailResolver, NoMail } from './resolver.ts';

const ROUND = 200;
/** A name server that does not answer costs seconds a domain: others must not wait behind it. */
const AT_ONCE = 16;
const RETRY_MS = 5_000;

/** Mail of pools that have a cutover: its arm is chosen when its provider is known. */
export interface FrontRouting {
  readonly fronts: readonly string[];
  /** Chooses for the fronts' mail to a domain; a provider of null: nobody can say it now. Returns how many it placed. */
  route(domain: string, provider: string | null, only: 'all' | 'upstreams'): Promise<number>;
}

const NO_FRONTS: FrontRouting = { fronts: [], route: async () => 0 };

export class Router {
  readonly #store: Store;
  readonly #resolver: MailResolver;
  readonly #process: string;
  readonly #laneProvider: (provider: string) => string;
  readonly #upstreams: readonly string[];
  readonly #fronts: FrontRouting;
  /** Domains whose DNS did not answer, with the time (monotonic ms) to ask again. */
  readonly #unanswered = new Map<string, number>();

  /** `upstreams`: pools whose mail goes to another engine, whatever its domains are. */
  constructor(
    store: Store,
    resolver: MailResolver,
    process: string,
    laneProvider: (provider: string) => string,
    upstreams: readonly string[] = [],
    fronts: FrontRouting = NO_FRONTS,
  ) {
    this.#fronts = fronts;
    this.#store = store;
    this.#resolver = resolver;
    this.#process = process;
    this.#laneProvider = laneProvider;
    this.#upstreams = upstreams;
  }

  /** Routes what waits; returns whether any mail got its provider. Domains without an answer wait and are asked again. */
  async routeWaiting(): Promise<boolean> {
    const now = performance.now();
    for (const [domain, at] of this.#unanswered) if (at <= now) this.#unanswered.delete(domain);
    const upstream =
      this.#upstreams.length === 0 ? 0 : await routeToUpstreams(this.#store, this.#upstreams, this.#fronts.fronts);
    const domains = await unroutedDomains(this.#store, [...this.#unanswered.keys()], ROUND);
    let routed = upstream > 0;
    const next = domains.values();
    const work = async () => {
      for (const domain of next) routed = (await this.#route(domain)) || routed;
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, domains.length) }, work));
    return routed;
  }

  async #route(domain: string): Promise<boolean> {
    try {
      const { provider } = await this.#resolver.route(domain);
      await this.#give(domain, provider);
      return true;
    } catch (error) {
      if (error instanceof NoMail && error.status === '5.4.6') {
        // A loop is our own set-up's fault: its sender says so, and no recipient is taken for dead.
        await this.#give(domain, 'other');
        return true;
      }
      if (error instanceof NoMail) {
        // Another engine's mail: it says so itself, as it always did.
        const handed = await this.#choose(domain, 'other', 'upstreams');
        await bounceDomain(
          this.#store,
          domain,
          `${error.status === '5.1.10' ? 556 : 550} ${error.status} ${error.message}`,
          this.#process,
        );
        return handed > 0;
      }
      this.#unanswered.set(domain, performance.now() + RETRY_MS);
      // What goes to another engine whoever its provider is does not wait for our name servers.
      const handed = await this.#choose(domain, null, 'upstreams');
      await explainUnrouted(this.#store, domain, `DNS of ${domain} did not answer: ${(error as Error).message}`);
      return handed > 0;
    }
  }

  async #give(domain: string, provider: string): Promise<void> {
    await this.#choose(domain, provider, 'all');
    await routeDomain(this.#store, domain, this.#laneProvider(provider), this.#fronts.fronts);
  }

  async #choose(domain: string, provider: string | null, only: 'all' | 'upstreams'): Promise<number> {
    return this.#fronts.fronts.length === 0 ? 0 : this.#fronts.route(domain, provider, only);
  }
}
