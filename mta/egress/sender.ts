/** Delivers claimed messages of one lane over its kept connections, and turns each answer into an outcome. */
import { DAY_MS, planMs } from '../../policy/calendar.ts';
import { classifyReply, type ReplyVerdict } from '../../policy/replies.ts';
import type { LaneRow } from '../../store/lanes.ts';
import type { Claimed, Outcome } from '../../store/queue.ts';
import { type MailResolver, NoMail } from '../routing/resolver.ts';
import { TRACE_HEADER, traceToken, verp } from '../trace.ts';
import { type Answer, EgressConnection } from './connection.ts';
import { retryAfter } from './retry.ts';
import { shapeOf } from './shaping.ts';
import { Sites } from './sites.ts';
import type { Unit } from './units.ts';

export interface SenderParts {
  readonly resolver: MailResolver;
  readonly smtpPort: number;
  readonly traceKey: string;
  readonly bounceDomain: string | undefined;
  readonly commit: (outcome: Outcome) => Promise<void>;
  readonly putBack: (unit: Unit) => Promise<void>;
  /** The message goes back to the queue unattempted, not before `due`. */
  readonly postpone: (id: number, due: number, why: string) => Promise<void>;
  /** Why the lane may not send this message now, or null: asked again just before MAIL FROM. */
  readonly stops: (message: Claimed) => string | null;
  readonly leaseFresh: () => boolean;
  /** Another address of the pool is warm at this provider and may take what this one can not deliver. */
  readonly hasWarmPeer: () => boolean;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
  readonly laneFatal: (verdict: ReplyVerdict, answer: Answer) => Promise<void>;
  /** A slot was taken, and freed again: this message is in nobody's hands any more. */
  readonly began: () => void;
  readonly freed: (id: number) => void;
}

const IDLE_MS = 5_000;
const ADDRESSES_TRIED = 3;
const DNS_RETRY_MS = 5_000;
/** How long a lane rests whose address this machine can not bind. */
const BIND_REST_MS = 5_000;
const IPS_TRIED = 3;

export class LaneSender {
  readonly #parts: SenderParts;
  #lane: LaneRow;
  readonly #connections = new Set<EgressConnection>();
  readonly #idle: EgressConnection[] = [];
  readonly #sites = new Sites();
  #busy = 0;
  #restsUntil = 0;
  /** Transactions begun by this process: warm peers are kept even by it. */
  begun = 0;

  constructor(lane: LaneRow, parts: SenderParts) {
    this.#lane = lane;
    this.#parts = parts;
  }

  update(lane: LaneRow): void {
    this.#lane = lane;
  }

  get freeSlots(): number {
    return shapeOf(this.#lane.provider).connections - this.#busy;
  }

  /** Sends one message; never rejects. The slot is taken at once and freed when the outcome is committed. */
  async send(message: Claimed, unit: Unit): Promise<void> {
    this.#busy += 1;
    this.begun += 1;
    this.#parts.began();
    try {
      await this.#send(message, unit);
    } catch (error) {
      // Only the store can fail here, and only before anything was sent: the claim is found in nobody's hands later.
      this.#parts.log('send-failed', { recipient: message.id, error: (error as Error).message });
    } finally {
      this.#busy -= 1;
      this.#parts.freed(message.id);
    }
  }

  /** Until when (ms) this lane sends nothing because its address could not be bound; 0 or past: it may. */
  get restsUntil(): number {
    return this.#restsUntil;
  }

  /** Until when (ms) the MX hosts of a domain are left alone; 0: they may be tried, or are not known yet. */
  siteRestsUntil(domain: string, now: number): number {
    const hosts = this.#parts.resolver.knownHosts(domain);
    if (hosts === null || this.#keptTo(hosts) !== undefined) return 0;
    return this.#sites.restsUntil(hosts, now);
  }

  closeIdle(now: number): void {
    this.#sites.forgetOld(now);
    for (const connection of this.#idle.filter((idle) => now - idle.idleSince > IDLE_MS || !idle.open)) {
      this.#idle.splice(this.#idle.indexOf(connection), 1);
      this.#drop(connection);
    }
  }

  close(): void {
    for (const connection of this.#connections) connection.quit();
    this.#idle.length = 0;
    this.#connections.clear();
  }

  async #send(message: Claimed, unit: Unit): Promise<void> {
    const parts = this.#parts;
    const reached = await this.#reach(message.domain);
    if (!('connection' in reached)) {
      await parts.putBack(unit);
      if (reached.noMail !== undefined) return parts.commit(this.#nowhere(message, reached.noMail));
      if (reached.answer !== undefined) await this.#fatalIf(message, reached.answer);
      await parts.postpone(message.id, reached.due, reached.why);
      return;
    }
    const { connection } = reached;
    const stopped = Date.now() >= unit.until ? 'the window closes' : parts.stops(message);
    if (stopped !== null) {
      this.#keep(connection);
      await parts.putBack(unit);
      await parts.postpone(message.id, Date.now(), stopped);
      return;
    }
    const at = Date.now();
    const from = this.#returnPath(message);
    const raw = Buffer.concat([
      Buffer.from(`${TRACE_HEADER}: ${traceToken(message.id, parts.traceKey)}\r\n`),
      message.raw,
    ]);
    const answer = await connection.deliver(from, message.rcpt, raw, parts.leaseFresh, unit.closes);
    if (!answer.sent) await parts.putBack(unit);
    if (aboutSite(answer, message.provider)) {
      this.#drop(connection);
      await this.#fatalIf(message, answer);
      // A kept connection may have died of age: only an answer makes its site rest.
      const due = answer.code === 0 ? Date.now() : this.#sites.failed(reached.hosts, Date.now());
      await parts.postpone(message.id, due, said(answer));
      return;
    }
    await this.#conclude(message, unit.windowIndex, at, answer);
    if (answer.code !== 250 && !(await connection.reset())) return this.#drop(connection);
    this.#keep(connection);
  }

  #returnPath(message: Claimed): string {
    const { bounceDomain, traceKey } = this.#parts;
    if (message.mailFrom === '' || bounceDomain === undefined) return message.mailFrom;
    return verp(message.id, bounceDomain, traceKey);
  }

  async #conclude(message: Claimed, windowIndex: number, at: number, answer: Answer): Promise<void> {
    const verdict = classifyReply({ ...answer, provider: message.provider });
    if (verdict.laneFatal) await this.#parts.laneFatal(verdict, answer);
    const lane = this.#lane;
    const now = Date.now();
    const number = message.attempts + 1;
    const firstAt = message.firstAttempt ?? at;
    const severity = answer.lost ? 'in-doubt' : verdict.severity;
    // Refused for the address, not for the message: a warm address may still deliver it.
    const address = verdict.scope === 'ip' || verdict.scope === 'netblock';
    const mayLeave = this.#parts.hasWarmPeer() && !message.pinned;
    const elsewhere = severity === 'blocked' && address && mayLeave && number < ADDRESSES_TRIED;
    // A remote that always takes the message and never answers gets it twice, not for three days.
    const doubted = severity === 'in-doubt' && message.doubts === 0;
    const again = doubted || elsewhere || (severity !== 'delivered' && severity !== 'in-doubt' && verdict.retry);
    const scale = planMs(DAY_MS, lane.calendar) / DAY_MS;
    const retry = retryAfter({ ...verdict, attempts: number, firstAt, now, scale, random: Math.random() });
    await this.#parts.commit({
      recipient: message.id,
      message: message.message,
      address: lane.address,
      provider: message.provider,
      windowIndex,
      at,
      number,
      firstAt,
      unit: answer.sent,
      severity,
      class: verdict.class,
      scope: verdict.scope,
      rule: answer.lost ? 'lost-final-reply' : verdict.rule,
      reply: said(answer),
      campaign: message.campaign,
      tenant: message.tenant,
      probe: message.pinned,
      retry: again ? { due: elsewhere ? now : now + retry.delay, free: elsewhere || (retry.free && mayLeave) } : null,
    });
  }

  /** A domain that takes no mail: finished, and no lane is to blame. */
  #nowhere(message: Claimed, why: string): Outcome {
    const now = Date.now();
    return {
      recipient: message.id,
      message: message.message,
      address: null,
      provider: message.provider,
      windowIndex: null,
      at: now,
      number: message.attempts + 1,
      firstAt: message.firstAttempt ?? now,
      unit: false,
      severity: 'hard',
      class: 'recipient',
      scope: 'recipient',
      rule: 'no-mx',
      reply: `550 5.1.2 ${why}`,
      campaign: message.campaign,
      tenant: message.tenant,
      probe: message.pinned,
      retry: null,
    };
  }

  async #fatalIf(message: Claimed, answer: Answer): Promise<void> {
    if (answer.code === 0) return;
    const verdict = classifyReply({ ...answer, provider: message.provider });
    if (verdict.laneFatal) await this.#parts.laneFatal(verdict, answer);
  }

  async #reach(domain: string): Promise<Reached> {
    let hosts: readonly string[];
    try {
      ({ hosts } = await this.#parts.resolver.route(domain));
    } catch (error) {
      const why = `DNS of ${domain} did not answer: ${(error as Error).message}`;
      return error instanceof NoMail
        ? { noMail: error.message, due: 0, why: error.message }
        : { due: Date.now() + DNS_RETRY_MS, why };
    }
    const kept = this.#keptTo(hosts);
    if (kept !== undefined) {
      this.#idle.splice(this.#idle.indexOf(kept), 1);
      return { connection: kept, hosts };
    }
    const rests = this.#sites.restsUntil(hosts, Date.now());
    if (rests > 0) return { due: rests, why: 'its MX hosts do not answer' };
    this.#sites.trying(hosts, Date.now());
    const opened = await this.#openAny(hosts);
    if (opened instanceof EgressConnection) {
      this.#sites.opened(hosts);
      return { connection: opened, hosts };
    }
    if (opened.cause === 'bind') {
      // The fault is this machine's: the mail may go out through another address, never through the default one.
      this.#restsUntil = Date.now() + BIND_REST_MS;
      this.#parts.log('bind-failed', { address: this.#lane.address, error: opened.text });
      return { due: Date.now(), why: `${this.#lane.address} can not be bound on this machine` };
    }
    return { answer: opened, due: this.#sites.failed(hosts, Date.now()), why: said(opened) };
  }

  #keptTo(hosts: readonly string[]): EgressConnection | undefined {
    return this.#idle.findLast((connection) => connection.open && hosts.includes(connection.spec.host));
  }

  /** Tries MX hosts in order. A reputation or throttle answer ends the search: another host would say the same. */
  async #openAny(hosts: readonly string[]): Promise<EgressConnection | Answer> {
    let last: Answer = { code: 0, text: 'no MX host has an address', stage: 'connect', sent: false, lost: false };
    for (const host of hosts) {
      const ips = await this.#parts.resolver.addressesOf(host).catch(() => []);
      for (const ip of ips.slice(0, IPS_TRIED)) {
        const opened = await this.#open(host, ip);
        if (opened instanceof EgressConnection) return opened;
        last = opened;
        if (last.cause === 'bind') return last;
        const kind = classifyReply({ ...last, provider: this.#lane.provider }).class;
        if (last.code >= 500 || (last.code !== 0 && kind !== 'infrastructure')) return last;
        if (last.code !== 0) break;
      }
    }
    return last;
  }

  /** A failed opportunistic handshake is tried once more in clear (RFC 7435 §3): some TLS is a gain, none no loss. */
  async #open(host: string, ip: string): Promise<EgressConnection | Answer> {
    const { address: localAddress, ehloName } = this.#lane;
    let refused: Answer | undefined;
    for (const clear of [false, true]) {
      const spec = { host, ip, port: this.#parts.smtpPort, localAddress, ehloName, clear };
      const connection = new EgressConnection(spec);
      const answer = await connection.connect();
      if (answer === null) {
        this.#connections.add(connection);
        return connection;
      }
      connection.close();
      refused ??= answer;
      if (answer.cause !== 'tls') return answer;
    }
    return refused as Answer;
  }

  #keep(connection: EgressConnection): void {
    if (!connection.open || connection.used >= shapeOf(this.#lane.provider).messagesPerConnection) {
      this.#drop(connection);
      return;
    }
    connection.idleSince = Date.now();
    this.#idle.push(connection);
  }

  #drop(connection: EgressConnection): void {
    this.#connections.delete(connection);
    connection.quit();
  }
}

type Reached =
  | { readonly connection: EgressConnection; readonly hosts: readonly string[] }
  | { readonly answer?: Answer; readonly noMail?: string; readonly due: number; readonly why: string };

const SITE_CLASSES: readonly ReplyVerdict['class'][] = ['infrastructure', 'throttle', 'reputation', 'block', 'listing'];

/** Said before the recipient was named, and not about the sender's name: the site, not the message, waits. */
function aboutSite(answer: Answer, provider: string): boolean {
  if (answer.sent) return false;
  if (answer.code === 0) return true;
  return answer.code < 500 && SITE_CLASSES.includes(classifyReply({ ...answer, provider }).class);
}

/** A reply as people see it. */
function said(answer: Answer): string {
  // Replies that the library hands on begin with their code already.
  const text = answer.text.trim();
  return (answer.code === 0 || text.startsWith(String(answer.code)) ? text : `${answer.code} ${text}`).slice(0, 500);
}
