/** Gives queued mail its provider when its domain was not known at injection. */
import type { Store } from '../../store/connect.ts';
import { routeToUpstreams } from '../../store/pools.ts';
import { bounceDomain, explainUnrouted, routeDomain, unroutedDomains } from '../../store/queue.ts';
import { type MailResolver, NoMail } from './resolver.ts';

const ROUND = 200;
/** A name server that does not answer costs seconds a domain: others must not wait behind it. */
const AT_ONCE = 16;
const RETRY_MS = 5_000;

export class Router {
  readonly #store: Store;
  readonly #resolver: MailResolver;
  readonly #process: string;
  readonly #laneProvider: (provider: string) => string;
  readonly #upstreams: readonly string[];
  /** Domains whose DNS did not answer, with the time (monotonic ms) to ask again. */
  readonly #unanswered = new Map<string, number>();

  /** `upstreams`: pools whose mail goes to another engine, whatever its domains are. */
  constructor(
    store: Store,
    resolver: MailResolver,
    process: string,
    laneProvider: (provider: string) => string,
    upstreams: readonly string[] = [],
  ) {
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
    const upstream = this.#upstreams.length === 0 ? 0 : await routeToUpstreams(this.#store, this.#upstreams);
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
      await routeDomain(this.#store, domain, this.#laneProvider(provider));
      return true;
    } catch (error) {
      if (error instanceof NoMail && error.status === '5.4.6') {
        // A loop is our own set-up's fault: its sender says so, and no recipient is taken for dead.
        await routeDomain(this.#store, domain, this.#laneProvider('other'));
        return true;
      }
      if (error instanceof NoMail) {
        await bounceDomain(
          this.#store,
          domain,
          `${error.status === '5.1.10' ? 556 : 550} ${error.status} ${error.message}`,
          this.#process,
        );
      } else {
        this.#unanswered.set(domain, performance.now() + RETRY_MS);
        await explainUnrouted(this.#store, domain, `DNS of ${domain} did not answer: ${(error as Error).message}`);
      }
      return false;
    }
  }
}
