/**
 * Where mail for a domain goes, by the lab's own DNS (RFC 5321 §5.1). DNS tells no ports: an address the guest listens on
 * brings its own, all others have the common SMTP port of the lab's MX hosts.
 */
import { Resolver } from 'node:dns/promises';
import type { MailHost } from './topology.ts';

export interface Exchanger {
  readonly host: string;
  readonly port: number;
}

export class MailExchange {
  readonly #resolver = new Resolver({ timeout: 2_000, tries: 2 });
  readonly #hosts: readonly MailHost[];
  readonly #defaultPort: () => number;

  /** `dns`: host:port of the name server. */
  constructor(options: { dns: string; hosts: readonly MailHost[]; defaultPort: () => number }) {
    this.#resolver.setServers([options.dns]);
    this.#hosts = options.hosts;
    this.#defaultPort = options.defaultPort;
  }

  /** In order of preference; empty if the domain takes no mail. Without MX records the domain's own address serves. */
  async exchangersOf(domain: string): Promise<Exchanger[]> {
    const records = await this.#resolver.resolveMx(domain).catch(() => []);
    const names = records.toSorted((a, b) => a.priority - b.priority).map((record) => record.exchange);
    const found: Exchanger[] = [];
    for (const name of names.length > 0 ? names : [domain]) {
      for (const host of await this.#resolver.resolve4(name).catch(() => [])) {
        found.push({ host, port: this.#portOf(host, domain) });
      }
    }
    return found;
  }

  #portOf(ip: string, domain: string): number {
    // Two domains may share an address and differ in the port.
    const listeners = this.#hosts.filter((one) => one.ip === ip);
    return (listeners.find((one) => one.domain === domain) ?? listeners[0])?.port ?? this.#defaultPort();
  }
}
