/** Delivers claimed messages of one lane over its kept connections, and turns each answer into an outcome. */
import { DAY_MS, planMs } from '../../policy/calendar.ts';
import { classifyReply, type ReplyVerdict } from '../../policy/replies.ts';
import type { LaneRow } from '../../store/lanes.ts';
import type { Claimed, Outcome } from '../../store/queue.ts';
import type { MailResolver } from '../routing/resolver.ts';
import { TRACE_HEADER, traceToken, verp } from '../trace.ts';
import { type Answer, EgressConnection } from './connection.ts';
import { retryAfter } from './retry.ts';
import { shapeOf } from './shaping.ts';
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
  /** Why the lane may not send now, or null: asked again just before MAIL FROM. */
  readonly stops: () => string | null;
  readonly leaseFresh: () => boolean;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
  readonly laneFatal: (verdict: ReplyVerdict, answer: Answer) => Promise<void>;
  /** A slot was taken, and freed again. */
  readonly began: () => void;
  readonly freed: () => void;
}

interface Site {
  failures: number;
  until: number;
}

const IDLE_MS = 5_000;
const ADDRESSES_TRIED = 3;
const SITE_BACKOFF_MS = 500;

export class LaneSender {
  readonly #parts: SenderParts;
  #lane: LaneRow;
  readonly #connections = new Set<EgressConnection>();
  readonly #idle: EgressConnection[] = [];
  readonly #sites = new Map<string, Site>();
  #busy = 0;
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
      // Only the store can fail here: the claim stays, and is taken back when this process's lease has ended.
      this.#parts.log('send-failed', { recipient: message.id, error: (error as Error).message });
    } finally {
      this.#busy -= 1;
      this.#parts.freed();
    }
  }

  closeIdle(now: number): void {
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
    const reached = await this.#connectionFor(message.domain);
    if (!('connection' in reached)) {
      await parts.putBack(unit);
      await this.#unreached(message, reached.answer, reached.due);
      return;
    }
    const { connection } = reached;
    const stopped = Date.now() >= unit.until ? 'the window closes' : parts.stops();
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
    const answer = await connection.deliver(from, message.rcpt, raw, parts.leaseFresh);
    if (!answer.sent) await parts.putBack(unit);
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
    const elsewhere = severity === 'blocked' && verdict.scope === 'ip' && !message.pinned && number < ADDRESSES_TRIED;
    const again = severity === 'in-doubt' || elsewhere || (severity !== 'delivered' && verdict.retry);
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
      reply: `${answer.code === 0 ? '' : `${answer.code} `}${answer.text}`.slice(0, 500),
      campaign: message.campaign,
      tenant: message.tenant,
      probe: message.pinned,
      retry: again ? { due: elsewhere ? now : now + retry.delay, free: elsewhere || retry.free } : null,
    });
  }

  /** The site could not be reached: that says nothing about the message, unless it named our reputation. */
  async #unreached(message: Claimed, answer: Answer | undefined, due: number): Promise<void> {
    const verdict =
      answer === undefined || answer.code === 0 ? undefined : classifyReply({ ...answer, provider: message.provider });
    if (verdict !== undefined && answer !== undefined && verdict.laneFatal)
      await this.#parts.laneFatal(verdict, answer);
    await this.#parts.postpone(message.id, due, answer?.text ?? 'site is backing off');
  }

  async #connectionFor(
    domain: string,
  ): Promise<{ connection: EgressConnection } | { answer: Answer | undefined; due: number }> {
    let hosts: readonly string[];
    try {
      ({ hosts } = await this.#parts.resolver.route(domain));
    } catch (error) {
      const text = `DNS: ${(error as Error).message}`;
      return { answer: { code: 0, text, stage: 'connect', sent: false, lost: false }, due: Date.now() + 5_000 };
    }
    const kept = this.#idle.findLast((connection) => connection.open && hosts.includes(connection.spec.host));
    if (kept !== undefined) {
      this.#idle.splice(this.#idle.indexOf(kept), 1);
      return { connection: kept };
    }
    const key = hosts.join(' ');
    const site = this.#sites.get(key);
    if (site !== undefined && site.until > Date.now()) return { answer: undefined, due: site.until };
    const opened = await this.#openAny(hosts);
    if (opened instanceof EgressConnection) {
      this.#sites.delete(key);
      return { connection: opened };
    }
    const failures = (site?.failures ?? 0) + 1;
    const until = Date.now() + Math.min(60_000, SITE_BACKOFF_MS * 2 ** Math.min(failures - 1, 7));
    this.#sites.set(key, { failures, until });
    return { answer: opened, due: until };
  }

  /** Tries MX hosts in order. A reputation or throttle answer ends the search: another host would say the same. */
  async #openAny(hosts: readonly string[]): Promise<EgressConnection | Answer> {
    let last: Answer = { code: 0, text: 'no MX host has an address', stage: 'connect', sent: false, lost: false };
    for (const host of hosts) {
      const [ip] = await this.#parts.resolver.addressesOf(host).catch(() => []);
      if (ip === undefined) continue;
      const { address: localAddress, ehloName } = this.#lane;
      const connection = new EgressConnection({ host, ip, port: this.#parts.smtpPort, localAddress, ehloName });
      const refused = await connection.connect();
      if (refused === null) {
        this.#connections.add(connection);
        return connection;
      }
      connection.close();
      last = refused;
      const kind = classifyReply({ ...refused, provider: this.#lane.provider }).class;
      if (refused.code >= 500 || (refused.code !== 0 && kind !== 'infrastructure')) return last;
    }
    return last;
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
