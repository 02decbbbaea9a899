/**
 * The open connections of one lane: which one may carry a domain's mail, and how a new one is opened. A connection is kept
 * for its MX host, and used only by mail whose TLS needs it meets.
 */
import { atHand, type Bucket, newBucket, nextToken, refilled, taken } from '../../policy/rate.ts';
import { classifyReply } from '../../policy/replies.ts';
import type { LaneRow } from '../../store/lanes.ts';
import * as clock from '../clock.ts';
import { mayConnect } from '../routing/forbidden-address.ts';
import { type MailResolver, NoMail, type Route } from '../routing/resolver.ts';
import type { TransportSecurity } from '../transport-security/destination.ts';
import { satisfies, type TlsRequirement } from '../transport-security/requirement.ts';
import type { StsPolicy } from '../transport-security/sts-policy.ts';
import { type Answer, type ConnectionSpec, EgressConnection } from './connection.ts';
import { KeptConnections } from './kept-connections.ts';
import type { LaneLimits } from './shaping.ts';
import { Sites } from './sites.ts';
import type { Transcripts } from './transcripts.ts';

export interface SessionParts {
  readonly resolver: MailResolver;
  readonly security: TransportSecurity;
  readonly smtpPort: number;
  /** Connections and rates of the lane in this process. */
  readonly limits: () => LaneLimits;
  readonly authorities: ConnectionSpec['authorities'];
  readonly transcripts: Transcripts;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

/** A connection for a message, or why there is none. */
export type Reached =
  | { readonly connection: EgressConnection; readonly hosts: readonly string[] }
  | {
      /** What the site said; absent: it was not asked. */
      readonly answer?: Answer;
      /** What is to rest for it (Sites). */
      readonly site?: readonly string[];
      readonly noMail?: NoMail;
      /** It is this process that can not reach the site: another may be luckier. */
      readonly ours?: true;
      readonly due: number;
      readonly why: string;
    };

const DNS_RETRY_MS = 5_000;
/** How long a lane rests whose address this machine can not bind. */
const BIND_REST_MS = 5_000;
const IPS_TRIED = 3;

export class Sessions {
  readonly #parts: SessionParts;
  readonly #lane: () => LaneRow;
  readonly #connections: KeptConnections;
  readonly sites = new Sites();
  #restsUntil = 0;
  #opening: Bucket | undefined;
  #opensAt = 0;

  constructor(parts: SessionParts, lane: () => LaneRow) {
    this.#parts = parts;
    this.#lane = lane;
    this.#connections = new KeptConnections(() => parts.limits().messagesPerConnection);
  }

  /** Until when (ms) this lane sends nothing, because its address could not be bound or it opened too many connections. */
  get restsUntil(): number {
    return Math.max(this.#restsUntil, this.#opensAt);
  }

  /** Messages that could go at once: by an idle connection, or by one that may be opened. */
  ready(now: number): number {
    const rate = this.#parts.limits().newConnections;
    const opening = this.#opening === undefined ? rate.burst : atHand(refilled(this.#opening, rate, now));
    return this.#connections.idle.length + opening;
  }

  /** Until when (ms) the MX hosts of a domain are left alone; 0: they may be tried, or are not known yet. */
  siteRestsUntil(domain: string, now: number): number {
    const hosts = this.#parts.resolver.knownHosts(domain);
    if (hosts === null) return 0;
    const rests = this.#restOf(domain, hosts, now);
    return rests === 0 || this.#kept(domain) !== undefined ? 0 : rests;
  }

  /** Why the MX hosts of a domain are left alone, in their own words where they said any; null: they are not. */
  siteWhy(domain: string): string | null {
    const hosts = this.#parts.resolver.knownHosts(domain);
    return this.sites.why(tlsSite(domain)) ?? (hosts === null ? null : this.sites.why(hosts));
  }

  /** A kept connection for a domain, taken at once where everything about it is known: the way of almost every message. */
  take(domain: string): Reached | null {
    const connection = this.#kept(domain);
    const hosts = this.#parts.resolver.knownHosts(domain);
    if (connection === undefined || hosts === null) return null;
    this.#connections.take(connection);
    return { connection, hosts };
  }

  /** A connection for a domain: what it takes is asked, and one is opened. Never rejects. */
  async reach(domain: string): Promise<Reached> {
    let route: Route;
    try {
      route = await this.#parts.resolver.route(domain);
    } catch (error) {
      const why = `DNS of ${domain} did not answer: ${(error as Error).message}`;
      return error instanceof NoMail
        ? { noMail: error, due: 0, why: error.message }
        : { due: clock.now() + DNS_RETRY_MS, why, ours: true };
    }
    const sts = await this.#parts.security.stsOf(domain);
    const kept = this.take(domain);
    if (kept !== null) return kept;
    const { hosts } = route;
    const rests = this.#restOf(domain, hosts, clock.now());
    if (rests > 0) return { due: rests, why: this.siteWhy(domain) ?? 'its MX hosts do not answer' };
    const limited = this.#mayOpen(clock.now());
    if (limited !== null) return limited;
    this.sites.trying(hosts, clock.now());
    this.sites.trying(tlsSite(domain), clock.now());
    const opened = await this.#openAny(domain, route, sts);
    if (opened instanceof EgressConnection) return { connection: opened, hosts };
    if (opened.cause === 'bind') {
      // The fault is this machine's: the mail may go out through another address, never through the default one.
      this.#restsUntil = clock.now() + BIND_REST_MS;
      this.#parts.log('bind-failed', { address: this.#lane().address, error: opened.text });
      return { due: clock.now(), why: `${this.#lane().address} can not be bound on this machine` };
    }
    // TLS that is not what this domain asks for is no fault of the site: others may send there.
    const site = opened.cause === 'tls' ? tlsSite(domain) : hosts;
    return { answer: opened, site, due: 0, why: opened.text };
  }

  /** The site took part in a transaction: whatever was wrong with it is over. */
  opened(domain: string, hosts: readonly string[]): void {
    this.sites.opened(hosts);
    this.sites.opened(tlsSite(domain));
  }

  keep(connection: EgressConnection): void {
    this.#connections.keep(connection);
  }

  drop(connection: EgressConnection): void {
    this.#connections.drop(connection);
  }

  closeIdle(now: number): void {
    this.sites.forgetOld(now);
    this.#connections.closeIdle(now);
  }

  close(): void {
    this.#connections.close();
  }

  /** Counts a new connection, or says when one may be opened again. */
  #mayOpen(now: number): { readonly due: number; readonly why: string } | null {
    const rate = this.#parts.limits().newConnections;
    const bucket = refilled(this.#opening ?? newBucket(now, rate.burst), rate, now);
    if (atHand(bucket) === 0) {
      this.#opening = bucket;
      const perMinute = Math.round(rate.perMs * 60_000);
      return {
        due: nextToken(bucket, rate, now),
        why: `shaping: ${perMinute} new connections a minute in each process`,
      };
    }
    this.#opening = taken(bucket, rate, 1);
    return null;
  }

  #restOf(domain: string, hosts: readonly string[], now: number): number {
    return Math.max(this.sites.restsUntil(hosts, now), this.sites.restsUntil(tlsSite(domain), now));
  }

  /** An idle connection to one of the domain's hosts that is protected as its mail needs; none while something must be asked. */
  #kept(domain: string): EgressConnection | undefined {
    const { idle } = this.#connections;
    if (idle.length === 0) return undefined;
    const { resolver, security } = this.#parts;
    const route = resolver.freshRoute(domain);
    if (route === null) return undefined;
    const sts = security.knownSts(domain);
    if (sts === undefined) return undefined;
    const wanted = this.#parts.transcripts.wants(this.#lane());
    return idle.findLast((connection) => {
      const { host, tracer } = connection.spec;
      // Somebody wants to read a conversation from its beginning.
      if (wanted && tracer === undefined) return false;
      if (!connection.open || !route.hosts.includes(host)) return false;
      const need = security.known(domain, sts, route, host);
      return need !== undefined && 'startTls' in need && satisfies(connection.secured, need);
    });
  }

  /** Tries MX hosts in order. A reputation or throttle answer ends the search: another host would say the same. */
  async #openAny(domain: string, route: Route, sts: StsPolicy | null): Promise<EgressConnection | Answer> {
    const { resolver, security } = this.#parts;
    let last = nothing('no MX host has an address');
    for (const host of route.hosts) {
      const need = await security.requirement(domain, sts, route, host);
      if ('refused' in need) {
        last = { ...nothing(need.refused), cause: 'tls' };
        continue;
      }
      const ips = await resolver.addressesOf(host).catch(() => []);
      for (const ip of ips.slice(0, IPS_TRIED)) {
        if (!mayConnect(ip, this.#parts.smtpPort)) {
          last = nothing(`${host} is at ${ip}, where no host of the Internet is`);
          continue;
        }
        const opened = await this.#open(host, ip, need);
        if (opened instanceof EgressConnection) {
          this.#noteTesting(domain, sts, opened);
          return opened;
        }
        last = opened;
        if (last.cause === 'bind') return last;
        const kind = classifyReply({ ...last, provider: this.#lane().provider }).class;
        if (last.code >= 500 || (last.code !== 0 && kind !== 'infrastructure')) return last;
        if (last.code !== 0) break;
      }
    }
    return last;
  }

  /** A failed opportunistic handshake is tried once more in clear (RFC 7435 §3): some TLS is a gain, none no loss. */
  async #open(host: string, ip: string, need: TlsRequirement): Promise<EgressConnection | Answer> {
    const { address: localAddress, ehloName } = this.#lane();
    const { authorities, smtpPort: port } = this.#parts;
    let refused: Answer | undefined;
    for (const clear of need.startTls === 'try' ? [false, true] : [false]) {
      const tracer = this.#parts.transcripts.begin(this.#lane(), { host, ip });
      const spec = {
        ...{ host, ip, port, localAddress, ehloName, need, clear },
        ...(authorities && { authorities }),
        ...(tracer && { tracer }),
      };
      const connection = new EgressConnection(spec);
      const answer = await connection.connect();
      if (answer === null) {
        this.#connections.add(connection);
        return connection;
      }
      connection.close();
      refused ??= answer.cause === 'tls' ? { ...answer, text: `${answer.text} (${need.why})` } : answer;
      if (answer.cause !== 'tls') return answer;
    }
    return refused as Answer;
  }

  /** A domain that tests its policy wants to know what would have failed (RFC 8461 §5.1); nothing is held up. */
  #noteTesting(domain: string, sts: StsPolicy | null, { secured, spec }: EgressConnection): void {
    if (sts?.mode !== 'testing' || (secured !== null && secured.problem === null)) return;
    const problem = secured === null ? 'no TLS' : secured.problem;
    this.#parts.log('sts-testing-failed', { domain, host: spec.host, problem });
  }
}

/** What rests when a domain's hosts do not offer the TLS it asks for. */
function tlsSite(domain: string): readonly string[] {
  return [`tls ${domain}`];
}

function nothing(text: string): Answer {
  return { code: 0, text, stage: 'connect', sent: false, lost: false };
}
