/**
 * Connections to an upstream: kept while there is mail, opened to the first of its hosts that answers. A host that can not
 * be reached, or does not let us in, rests; the next one is tried.
 */
import { isIPv4 } from 'node:net';
import * as clock from '../clock.ts';
import { type Answer, type ConnectionSpec, EgressConnection } from '../egress/connection.ts';
import { KeptConnections } from '../egress/kept-connections.ts';
import { Sites } from '../egress/sites.ts';
import type { TlsRequirement } from '../transport-security/requirement.ts';
import type { UpstreamSettings } from './settings.ts';

export interface UpstreamSessionParts {
  /** Our name, where the upstream is given no other. */
  readonly hostname: string;
  /** IPv4 addresses of a host. */
  readonly addressesOf: (host: string) => Promise<readonly string[]>;
  readonly authorities: ConnectionSpec['authorities'];
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

/** No connection: when to try again, and why. */
export interface NotReached {
  readonly due: number;
  readonly why: string;
}

type Host = UpstreamSettings['hosts'][number];

const IPS_TRIED = 3;

export class UpstreamSessions {
  readonly #settings: UpstreamSettings;
  readonly #parts: UpstreamSessionParts;
  readonly #connections: KeptConnections;
  readonly #sites = new Sites();

  constructor(settings: UpstreamSettings, parts: UpstreamSessionParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#connections = new KeptConnections(() => settings.messagesPerConnection);
  }

  /** Until when (ms) every host rests; 0: one may be tried. */
  restsUntil(now: number): number {
    if (this.#connections.idle.some((connection) => connection.open)) return 0;
    return Math.min(...this.#settings.hosts.map((host) => this.#sites.restsUntil(site(host), now)));
  }

  /** What the host said last that keeps the upstream at rest, or null. */
  get why(): string | null {
    return this.#settings.hosts.map((host) => this.#sites.why(site(host))).find((why) => why !== null) ?? null;
  }

  /** A connection, kept or new. Never rejects. */
  async reach(): Promise<EgressConnection | NotReached> {
    const kept = this.#connections.idle.findLast((connection) => connection.open);
    if (kept !== undefined) {
      this.#connections.take(kept);
      return kept;
    }
    let due = Number.POSITIVE_INFINITY;
    let why = 'no host can be reached';
    for (const host of this.#settings.hosts) {
      const now = clock.now();
      const rests = this.#sites.restsUntil(site(host), now);
      if (rests > 0) {
        due = Math.min(due, rests);
        why = this.#sites.why(site(host)) ?? why;
        continue;
      }
      this.#sites.trying(site(host), now);
      const opened = await this.#openHost(host);
      if (opened instanceof EgressConnection) {
        this.#sites.opened(site(host));
        this.#connections.add(opened);
        return opened;
      }
      why = `${named(host)}: ${opened.text}`;
      due = Math.min(due, this.#sites.failed(site(host), clock.now(), 0, why));
      this.#parts.log('upstream-not-reached', { pool: this.#settings.pool, host: named(host), why: opened.text });
    }
    return { due, why };
  }

  /** The host let us in and then would not work: it rests. Returns when it may be tried again. */
  failed(connection: EgressConnection, why: string): number {
    const { host, port } = connection.spec;
    this.drop(connection);
    return this.#sites.failed(site({ host, port }), clock.now(), 0, `${named({ host, port })}: ${why}`);
  }

  keep(connection: EgressConnection): void {
    this.#connections.keep(connection);
  }

  drop(connection: EgressConnection): void {
    this.#connections.drop(connection);
  }

  closeIdle(now: number): void {
    this.#sites.forgetOld(now);
    this.#connections.closeIdle(now);
  }

  close(): void {
    this.#connections.close();
  }

  async #openHost(host: Host): Promise<EgressConnection | Answer> {
    let last = nothing('it has no IPv4 address');
    const ips = isIPv4(host.host) ? [host.host] : await this.#parts.addressesOf(host.host).catch(() => []);
    for (const ip of ips.slice(0, IPS_TRIED)) {
      const opened = await this.#open(host, ip);
      if (opened instanceof EgressConnection) return opened;
      last = opened;
    }
    return last;
  }

  /** As everywhere, a failed opportunistic handshake is tried once more in clear (RFC 7435 §3). */
  async #open({ host, port }: Host, ip: string): Promise<EgressConnection | Answer> {
    const { auth, localAddress, ehloName } = this.#settings;
    const need = requirement(host, this.#settings.tls);
    const { authorities, hostname } = this.#parts;
    let refused: Answer | undefined;
    for (const clear of need.startTls === 'try' ? [false, true] : [false]) {
      const connection = new EgressConnection({
        ...{ host, ip, port, need, clear, localAddress, ehloName: ehloName ?? hostname },
        implicitTls: port === IMPLICIT_TLS_PORT,
        ...(authorities && { authorities }),
      });
      const answer = (await connection.connect()) ?? (await this.#signIn(connection, ip, auth));
      if (answer === null) return connection;
      connection.close();
      refused ??= answer;
      if (answer.cause !== 'tls') return answer;
    }
    return refused as Answer;
  }

  async #signIn(connection: EgressConnection, ip: string, auth: UpstreamSettings['auth']): Promise<Answer | null> {
    if (auth === undefined) return null;
    // Checked in the configuration by name; here by what the connection turned out to be.
    if (connection.secured === null && !ip.startsWith('127.'))
      return nothing('the password is not sent in clear: set tls to required or verify');
    return connection.signIn(auth.user, auth.password);
  }
}

/** RFC 8314 §3.3. */
const IMPLICIT_TLS_PORT = 465;

function requirement(host: string, tls: UpstreamSettings['tls']): TlsRequirement {
  const why = `tls: '${tls}' of the upstream`;
  const startTls = tls === 'none' ? 'never' : tls === 'opportunistic' ? 'try' : 'must';
  return { startTls, check: tls === 'verify' ? 'public-authority' : 'nobody', tlsa: [], serverName: host, why };
}

function named({ host, port }: Host): string {
  return `${host}:${port}`;
}

function site(host: Host): readonly string[] {
  return [named(host)];
}

function nothing(text: string): Answer {
  return { code: 0, text, stage: 'connect', sent: false, lost: false };
}
