/**
 * One mailbox provider: what it answers to whom, and where mail lands. No sockets here; provider-server.ts asks.
 *
 * In this order a recipient is refused: outage, blocked sender, greylisting, clampdown, reputation limit, unknown recipient.
 * Limits are answered at RCPT or after the message, as the dialect has it.
 */
import type { LabClock, PlanInstant } from './clock.ts';
import { ACCEPTED_RECIPIENT, DIALECTS, type Dialect, GREYLISTED, OUT_OF_SERVICE, type Reply } from './dialect.ts';
import { Greylist } from './greylist.ts';
import { chance } from './random.ts';
import { domainOf, recipientExists } from './recipients.ts';
import { Reputation, type Standing } from './reputation.ts';
import type { Clampdown, ProviderSpec, Scenario } from './scenario.ts';
import type { Schedule } from './schedule.ts';

export type Placement = 'inbox' | 'junk' | 'missing';

export interface RecipientAttempt {
  readonly sourceIp: string;
  readonly mailFrom: string;
  readonly rcpt: string;
}

export interface MessageAttempt {
  readonly sourceIp: string;
  readonly mailFrom: string;
  readonly rcpts: readonly string[];
  readonly messageId: string;
}

export interface MessageAnswer {
  readonly reply: Reply;
  readonly accepted: boolean;
  /** Null unless accepted. */
  readonly placement: Placement | null;
}

/** What a source address got from this provider since the world began, per recipient. */
export interface Tally {
  accepted: number;
  deferred: number;
  refused: number;
}

export class Provider {
  readonly spec: ProviderSpec;
  readonly #seed: number;
  readonly #dialect: Dialect;
  readonly #clock: LabClock;
  readonly #schedule: Schedule;
  readonly #greylist: Greylist;
  readonly #sources = new Map<string, { reputation: Reputation; tally: Tally }>();
  readonly #domains = new Map<string, Reputation>();

  constructor(options: { spec: ProviderSpec; scenario: Scenario; clock: LabClock; schedule: Schedule }) {
    const { spec, scenario } = options;
    this.spec = spec;
    this.#seed = scenario.seed;
    this.#dialect = DIALECTS[spec.dialect];
    this.#clock = options.clock;
    this.#schedule = options.schedule;
    this.#greylist = new Greylist({
      seed: scenario.seed,
      provider: spec.key,
      share: spec.greylistShare,
      maxHours: spec.greylistMaxHours,
    });
    for (const { ip, daily } of scenario.established) {
      const level = daily[spec.key];
      if (level !== undefined) this.#addSource(ip, level);
    }
  }

  /** Null: welcome. `open`: connections this address has already. */
  connect(sourceIp: string, open: number): Reply | null {
    if (this.#schedule.outage(this.spec.key)) return OUT_OF_SERVICE;
    return open >= this.spec.maxConnections ? this.#dialect.tooManyConnections(sourceIp) : null;
  }

  /** Null: go on. `transactions`: begun on this connection before. */
  mailFrom(transactions: number): Reply | null {
    if (this.#schedule.outage(this.spec.key)) return OUT_OF_SERVICE;
    return transactions >= this.spec.messagesPerConnection ? this.#dialect.tooManyMessages() : null;
  }

  rcpt(attempt: RecipientAttempt): Reply {
    const { sourceIp, mailFrom, rcpt } = attempt;
    const at = this.#clock.instant();
    const { reputation, tally } = this.#source(sourceIp);
    const count = (reply: Reply) => {
      tally[reply.code < 500 ? 'deferred' : 'refused'] += 1;
      return reply;
    };
    reputation.rollTo(at.day);
    if (this.#schedule.outage(this.spec.key)) return count(OUT_OF_SERVICE);
    if (reputation.standing === 'blocked') {
      reputation.recordKnock(at);
      return count(this.#dialect.blocked(sourceIp));
    }
    if (this.#greylist.defers(sourceIp, domainOf(mailFrom), rcpt, at.hours)) return count(GREYLISTED(rcpt));
    if (this.#dialect.limitsAt === 'rcpt') {
      const limit = this.#limit(sourceIp, [rcpt], at);
      if (limit) return count(limit);
    }
    if (!recipientExists(rcpt)) {
      reputation.recordDead(at);
      this.#domain(mailFrom).recordDead(at);
      return count(this.#dialect.unknownRecipient(rcpt));
    }
    return ACCEPTED_RECIPIENT;
  }

  data(message: MessageAttempt): MessageAnswer {
    const { sourceIp, rcpts } = message;
    const at = this.#clock.instant();
    const { reputation, tally } = this.#source(sourceIp);
    const limit = this.#dialect.limitsAt === 'data' ? this.#limit(sourceIp, rcpts, at) : null;
    if (limit) {
      tally.deferred += rcpts.length;
      return { reply: limit, accepted: false, placement: null };
    }
    const domain = this.#domain(message.mailFrom);
    for (const _ of rcpts) {
      reputation.recordAccepted(at);
      domain.recordAccepted(at);
    }
    tally.accepted += rcpts.length;
    const reply = { code: 250, text: `2.0.0 OK ${this.spec.key} queued` };
    return { reply, accepted: true, placement: this.#place(message, [reputation.standing, domain.standing]) };
  }

  /** A reader pressed "spam". */
  complain(sourceIp: string, mailFrom: string): void {
    const at = this.#clock.instant();
    this.#source(sourceIp).reputation.recordComplaint(at);
    this.#domain(mailFrom).recordComplaint(at);
  }

  /** Every sender seen so far, days ended up to now: [`ip:` or `domain:` and its name, reputation, tally of addresses]. */
  senders(): { kind: 'ip' | 'domain'; name: string; reputation: Reputation; tally: Tally | null }[] {
    const { day } = this.#clock.instant();
    const ips = [...this.#sources].map(([name, one]) => ({ kind: 'ip' as const, name, ...one }));
    const domains = [...this.#domains].map(([name, reputation]) => {
      return { kind: 'domain' as const, name, reputation, tally: null };
    });
    const all = [...ips, ...domains];
    for (const { reputation } of all) reputation.rollTo(day);
    return all;
  }

  #place(message: MessageAttempt, standings: readonly Standing[]): Placement {
    if (standings.every((one) => one === 'good')) return 'inbox';
    return chance(this.spec.missingShare, this.#seed, 'missing', this.spec.key, message.messageId) ? 'missing' : 'junk';
  }

  #limit(sourceIp: string, rcpts: readonly string[], at: PlanInstant): Reply | null {
    const { reputation } = this.#source(sourceIp);
    const clampdown = this.#schedule.clampdown(this.spec.key);
    if (clampdown && rcpts.some((rcpt) => this.#clamped(clampdown, reputation, sourceIp, rcpt, at))) {
      return this.#dialect.limited(sourceIp);
    }
    const excess = reputation.excess(at);
    if (excess === 'burst') return this.#dialect.throttled(sourceIp);
    if (excess === 'volume') {
      for (const _ of rcpts) reputation.recordExcess(at);
      return this.#dialect.limited(sourceIp);
    }
    return null;
  }

  // A clampdown is nobody's fault: it defers without doing damage.
  #clamped(clampdown: Clampdown, reputation: Reputation, sourceIp: string, rcpt: string, at: PlanInstant): boolean {
    if (reputation.established || reputation.volumeToday(at) < clampdown.dailyAllowance) return false;
    return chance(clampdown.deferShare, this.#seed, 'clampdown', this.spec.key, sourceIp, rcpt);
  }

  #source(ip: string): { reputation: Reputation; tally: Tally } {
    return this.#sources.get(ip) ?? this.#addSource(ip);
  }

  #addSource(ip: string, level?: number): { reputation: Reputation; tally: Tally } {
    const reputation = new Reputation({
      freeDailyVolume: this.spec.freeDailyVolume,
      ...(level === undefined ? {} : { level }),
    });
    const source = { reputation, tally: { accepted: 0, deferred: 0, refused: 0 } };
    this.#sources.set(ip, source);
    return source;
  }

  #domain(mailFrom: string): Reputation {
    const name = domainOf(mailFrom);
    const known = this.#domains.get(name);
    if (known) return known;
    const fresh = new Reputation({ freeDailyVolume: Number.POSITIVE_INFINITY });
    this.#domains.set(name, fresh);
    return fresh;
  }
}
