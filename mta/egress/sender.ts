/** Delivers claimed messages of one lane over its kept connections, and turns each answer into an outcome. */
import { DAY_MS, planMs } from '../../policy/calendar.ts';
import { mayMove } from '../../policy/overflow.ts';
import { classifyReply, type ReplyVerdict } from '../../policy/replies.ts';
import { TRACE_HEADER, traceToken, verp } from '../../policy/trace.ts';
import type { LaneRow } from '../../store/lanes.ts';
import type { Claimed, Outcome } from '../../store/queue.ts';
import * as clock from '../clock.ts';
import type { NoMail } from '../routing/resolver.ts';
import { KeyUnusable, type Signer } from '../signing/signer.ts';
import { securityText } from '../transport-security/requirement.ts';
import type { Carrier } from './carrier.ts';
import type { Answer, EgressConnection } from './connection.ts';
import { missingFields } from './missing-fields.ts';
import { retryAfter } from './retry.ts';
import { type Reached, type SessionParts, Sessions } from './sessions.ts';
import { SlowDomains } from './slow-domains.ts';
import type { Unit } from './units.ts';

export interface SenderParts extends SessionParts {
  readonly signer: Signer;
  readonly traceKey: string;
  readonly bounceDomain: string | undefined;
  readonly commit: (outcome: Outcome) => Promise<void>;
  readonly putBack: (unit: Unit) => Promise<void>;
  /** The message goes back to the queue unattempted, not before `due`. */
  readonly postpone: (id: number, due: number, why: string) => Promise<void>;
  /** The same, and this process does not lie in wait for that moment. */
  readonly handBack: (id: number, due: number, why: string) => Promise<void>;
  /** Why the lane may not send this message now, or null: asked again just before MAIL FROM. */
  readonly stops: (message: Claimed) => string | null;
  readonly leaseFresh: () => boolean;
  /** Other addresses of the pool that are warm at this provider and may take what this one can not deliver. */
  readonly warmPeers: () => readonly string[];
  /** Addresses from which this recipient was refused before. */
  readonly refusedBy: (recipient: number) => Promise<readonly string[]>;
  readonly laneFatal: (verdict: ReplyVerdict, answer: Answer) => Promise<void>;
  /** A site judged the address before any message: the gates count it. */
  readonly siteJudged: (verdict: ReplyVerdict, at: number) => void;
  /** A slot was taken, and freed again: this message is in nobody's hands any more. */
  readonly began: () => void;
  readonly freed: (id: number) => void;
}

const ADDRESSES_TRIED = 3;
const SLOW = 'its hosts are slow, or not known to be quick: half of the connections are kept for others';
/** A key that can not be used is a matter for a person: looked at again after this. */
const KEY_RETRY_MS = 30_000;
/** How long a site rests, and how often a single one of many counts, when it names our reputation (plan time). */
const JUDGED_REST_MS = 60_000;
const JUDGED_ONCE_MS = 3_600_000;

export class LaneSender implements Carrier {
  readonly #parts: SenderParts;
  readonly #sessions: Sessions;
  /** Of a lane that many sites share; null: of one provider's. */
  readonly #slow: SlowDomains | null;
  #lane: LaneRow;
  #busy = 0;
  /** Transactions begun by this process: warm peers are kept even by it. */
  begun = 0;

  constructor(lane: LaneRow, parts: SenderParts) {
    this.#lane = lane;
    this.#parts = parts;
    this.#slow = lane.provider === 'other' ? new SlowDomains() : null;
    this.#sessions = new Sessions(parts, () => this.#lane);
  }

  update(lane: LaneRow): void {
    this.#lane = lane;
  }

  get freeSlots(): number {
    return Math.min(this.#parts.limits().connections - this.#busy, this.#sessions.ready(clock.now()));
  }

  hold(domain: string): number {
    const at = clock.now();
    this.#slow?.begin(domain, at);
    return at;
  }

  letGo(domain: string, held: number): void {
    this.#slow?.forget(domain, held);
  }

  mayHold(domain: string, now: number): boolean {
    return this.#slow?.full(domain, this.#parts.limits().connections, now) !== true;
  }

  fit<M extends { readonly domain: string }>(mails: readonly M[], now: number): readonly M[] {
    return this.#slow?.fit(mails, this.#parts.limits().connections, now) ?? mails;
  }

  /** Sends one message; never rejects. The slot is taken at once and freed when the outcome is committed. */
  async send(message: Claimed, unit: Unit, held: number): Promise<void> {
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
      this.#slow?.end(message.domain, held, clock.now());
      this.#parts.freed(message.id);
    }
  }

  /** Until when (ms) this lane sends nothing because its address could not be bound; 0 or past: it may. */
  get restsUntil(): number {
    return this.#sessions.restsUntil;
  }

  /** Until when (ms) the MX hosts of a domain are left alone; 0: they may be tried, or are not known yet. */
  siteRestsUntil(domain: string, now: number): number {
    const slow = this.#slow?.restsUntil(domain, this.#parts.limits().connections, now) ?? 0;
    return slow > 0 ? slow : this.#sessions.siteRestsUntil(domain, now);
  }

  /** What the MX hosts of a domain that rest said last; null: they do not rest. */
  siteWhy(domain: string): string | null {
    const slow = this.#slow?.restsUntil(domain, this.#parts.limits().connections, clock.now()) ?? 0;
    return slow > 0 ? SLOW : this.#sessions.siteWhy(domain);
  }

  closeIdle(now: number): void {
    this.#slow?.forgetOld(now);
    this.#sessions.closeIdle(now);
  }

  close(): void {
    this.#sessions.close();
  }

  async #send(message: Claimed, unit: Unit): Promise<void> {
    const parts = this.#parts;
    const reached = this.#sessions.take(message.domain) ?? (await this.#sessions.reach(message.domain));
    if (!('connection' in reached)) return this.#notReached(message, unit, reached);
    const { connection, hosts } = reached;
    const put = async (due: number, why: string) => {
      this.#sessions.keep(connection);
      await parts.putBack(unit);
      await parts.postpone(message.id, due, why);
    };
    const head = await this.#head(message).catch((error: Error) => error);
    if (head instanceof KeyUnusable) return put(clock.now() + KEY_RETRY_MS, head.message);
    if (head instanceof Error) {
      this.#sessions.keep(connection);
      await parts.putBack(unit);
      throw head;
    }
    const stopped = clock.now() >= unit.until ? 'the window closes' : parts.stops(message);
    if (stopped !== null) return put(clock.now(), stopped);

    const at = clock.now();
    const from = this.#returnPath(message);
    const answer =
      connection.misfit(from, message.rcpt, message.raw) ??
      (await connection.deliver(from, message.rcpt, message.raw, parts.leaseFresh, unit.closes, head));
    if (!answer.sent) await parts.putBack(unit);
    if (aboutSite(answer, message.provider)) {
      this.#sessions.drop(connection);
      // A kept connection may have died of age: only an answer makes its site rest.
      const due = answer.code === 0 ? clock.now() : await this.#siteFailed(answer, hosts);
      await parts.postpone(message.id, due, said(answer));
      return;
    }
    // Not when it only let us in: a site that refuses every MAIL must not be taken for one that came back.
    this.#sessions.opened(message.domain, hosts);
    await this.#conclude(message, unit.windowIndex, at, answer, connection);
    if (answer.code !== 250 && !(await connection.reset())) return this.#sessions.drop(connection);
    this.#sessions.keep(connection);
  }

  async #notReached(
    message: Claimed,
    unit: Unit,
    reached: Exclude<Reached, { connection: EgressConnection }>,
  ): Promise<void> {
    await this.#parts.putBack(unit);
    if (reached.noMail !== undefined) return this.#parts.commit(this.#nowhere(message, reached.noMail));
    const { answer, site = [] } = reached;
    const due = answer === undefined ? reached.due : await this.#siteFailed(answer, site);
    const why = answer === undefined ? reached.why : said(answer);
    // Whoever waits for the very moment it is due takes it before those who would get it out.
    await (reached.ours ? this.#parts.handBack(message.id, due, why) : this.#parts.postpone(message.id, due, why));
  }

  /**
   * The site rests, and the lane with it if the answer ends it. Returns when the site may be tried again. A provider of its
   * own has one opinion, so every refusal counts; the lanes of `other` meet many sites, and one of them counts once an hour.
   */
  async #siteFailed(answer: Answer, site: readonly string[]): Promise<number> {
    const { provider } = this.#lane;
    const now = clock.now();
    const rest = (leastMs: number) => this.#sessions.sites.failed(site, now, leastMs, said(answer));
    if (answer.code === 0) return rest(0);
    const verdict = classifyReply({ ...answer, provider });
    if (verdict.laneFatal) await this.#parts.laneFatal(verdict, answer);
    if (!JUDGING.includes(verdict.class)) return rest(0);
    const due = rest(JUDGED_REST_MS * this.#scale());
    const every = provider === 'other' ? JUDGED_ONCE_MS * this.#scale() : 0;
    if (this.#sessions.sites.judged(site, now, every)) this.#parts.siteJudged(verdict, now);
    return due;
  }

  /** Fields that go before the message: its signatures, and the trace that joins reports to this recipient. */
  async #head(message: Claimed): Promise<Buffer> {
    // Mail of a front may have been kept as it came: its other arm takes it so.
    const missing = message.front === null ? '' : missingFields(message.raw, message.messageId);
    const raw = missing === '' ? message.raw : Buffer.concat([Buffer.from(missing, 'latin1'), message.raw]);
    const signatures = await this.#parts.signer.fields(message.message, raw, this.#lane.pool);
    const trace = `${TRACE_HEADER}: ${traceToken(message.id, this.#parts.traceKey)}\r\n`;
    return Buffer.from(signatures + trace + missing, 'latin1');
  }

  #returnPath(message: Claimed): string {
    const { bounceDomain, traceKey } = this.#parts;
    if (message.mailFrom === '' || bounceDomain === undefined) return message.mailFrom;
    return verp(message.id, bounceDomain, traceKey);
  }

  /** Real ms of a plan millisecond. */
  #scale(): number {
    return planMs(DAY_MS, this.#lane.calendar) / DAY_MS;
  }

  async #conclude(
    message: Claimed,
    windowIndex: number,
    at: number,
    answer: Answer,
    { secured, spec }: EgressConnection,
  ): Promise<void> {
    const verdict = classifyReply({ ...answer, provider: message.provider });
    if (verdict.laneFatal) await this.#parts.laneFatal(verdict, answer);
    const now = clock.now();
    const number = message.attempts + 1;
    const firstAt = message.firstAttempt ?? at;
    const retry = retryAfter({
      ...verdict,
      attempts: number,
      firstAt,
      now,
      scale: this.#scale(),
      random: Math.random(),
    });
    const severity = answer.lost ? 'in-doubt' : verdict.retry && retry.giveUp ? 'soft' : verdict.severity;
    // Refused for the address, not for the message: another warm one may still deliver it.
    const ofAddress = verdict.scope === 'ip' || verdict.scope === 'netblock';
    const blocked = severity === 'blocked' && ofAddress && number < ADDRESSES_TRIED;
    // Once: mail that hops from address to address looks like what it is.
    const throttled = severity === 'deferred' && retry.free && !message.freed;
    const to = blocked || throttled ? await this.#elsewhere(message, verdict) : null;
    // A remote that always takes the message and never answers gets it twice, not for three days.
    const doubted = severity === 'in-doubt' && message.doubts === 0;
    const again = doubted || (blocked && to !== null) || severity === 'deferred';
    const due = blocked && to !== null ? now : now + retry.delay;
    await this.#parts.commit({
      ...this.#outcomeOf(message),
      address: this.#lane.address,
      windowIndex,
      at,
      firstAt,
      unit: answer.sent,
      severity,
      class: verdict.class,
      scope: verdict.scope,
      rule: answer.lost ? 'lost-final-reply' : verdict.rule,
      reply: said(answer),
      host: answer.ours ? null : spec.host,
      tls: securityText(secured),
      retry: again ? { due, free: to !== null, to } : null,
    });
  }

  /** A warm address that has not been refused with this message; null: there is none, or it may not leave this one. */
  async #elsewhere(message: Claimed, verdict: ReplyVerdict): Promise<string | null> {
    const { address } = this.#lane;
    const peers = message.pinned ? [] : this.#parts.warmPeers();
    const able = peers.filter((peer) => mayMove(verdict, address, peer));
    if (able.length === 0) return null;
    const refused = new Set(await this.#parts.refusedBy(message.id));
    const left = able.filter((peer) => !refused.has(peer));
    return left[Math.floor(Math.random() * left.length)] ?? null;
  }

  /** A domain that takes no mail: finished, and no lane is to blame. A loop is no word about the recipient. */
  #nowhere(message: Claimed, noMail: NoMail): Outcome {
    const now = clock.now();
    const loop = noMail.status === '5.4.6';
    return {
      ...this.#outcomeOf(message),
      address: null,
      windowIndex: null,
      at: now,
      firstAt: message.firstAttempt ?? now,
      unit: false,
      severity: loop ? 'soft' : 'hard',
      class: loop ? 'infrastructure' : 'recipient',
      scope: loop ? 'message' : 'recipient',
      rule: loop ? 'mx-loop' : 'no-mx',
      reply: `${noMail.status === '5.1.10' ? 556 : 550} ${noMail.status} ${noMail.message}`,
      retry: null,
    };
  }

  #outcomeOf(message: Claimed) {
    return {
      recipient: message.id,
      message: message.message,
      provider: message.provider,
      ...(message.front === null ? {} : { pool: this.#lane.pool }),
      number: message.attempts + 1,
      campaign: message.campaign,
      tenant: message.tenant,
      probe: message.pinned,
    };
  }
}

/** Classes of answer that judge the address. */
const JUDGING: readonly ReplyVerdict['class'][] = ['reputation', 'block', 'listing'];
const SITE_CLASSES: readonly ReplyVerdict['class'][] = ['infrastructure', 'throttle', ...JUDGING];

/**
 * Said before the recipient was named, and not about the sender's name: the site, not the message, waits. RCPT may have gone
 * out on a connection that turns out to be dead: its unit stays used, the message is free to try a new connection.
 */
function aboutSite(answer: Answer, provider: string): boolean {
  if (answer.stale) return true;
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
