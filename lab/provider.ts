/**
 * One mailbox provider: what it answers to whom, and where mail lands. No sockets here; provider-server.ts asks.
 *
 * In this order a recipient is refused: outage, blocklist, blocked sender, blocked network, block by its own domain,
 * greylisting, clampdown, volume jump, reputation limit, unknown recipient, an answer in no list. Limits are answered at
 * RCPT or after the message, as the dialect has it; those of the author's domain always after it, for only then it is known.
 */
import type { Blocklists } from './blocklists.ts';
import type { LabClock, PlanInstant } from './clock.ts';
import { DIALECTS } from './dialect.ts';
import {
  ACCEPTED_RECIPIENT,
  type Dialect,
  GREYLISTED,
  LISTED,
  LISTED_FOR_NOW,
  OUT_OF_SERVICE,
  type Reply,
} from './dialect-parts.ts';
import { Greylist } from './greylist.ts';
import { Limits } from './limits.ts';
import { Netblocks } from './netblocks.ts';
import { chance } from './random.ts';
import { junks } from './readers.ts';
import { domainOf, recipientExists } from './recipients.ts';
import type { Standing } from './reputation.ts';
import type { Scenario } from './scenario.ts';
import type { ProviderSpec } from './scenario-provider.ts';
import type { Schedule } from './schedule.ts';
import { type KnownSender, SenderRegistry, type Tally } from './sender-registry.ts';
import { tarpitDelay } from './tarpit.ts';
import { UnlistedReplies } from './unlisted-replies.ts';

/** `missing`: accepted and never shown. `returned`: accepted, and a report that says it was not delivered will follow. */
export type Placement = 'inbox' | 'junk' | 'missing' | 'returned';

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
  /** Whom it answers for, from its headers; null or left out if they do not say. */
  readonly authorDomain?: string | null;
}

export interface MessageAnswer {
  readonly reply: Reply;
  readonly accepted: boolean;
  /** Null unless accepted. */
  readonly placement: Placement | null;
}

export class Provider {
  readonly spec: ProviderSpec;
  readonly #seed: number;
  readonly #scenario: Scenario;
  readonly #dialect: Dialect;
  readonly #clock: LabClock;
  readonly #schedule: Schedule;
  readonly #greylist: Greylist;
  readonly #unlisted: UnlistedReplies | null;
  readonly #senders: SenderRegistry;
  readonly #netblocks: Netblocks | null;
  readonly #limits: Limits;
  readonly #blocklists: Blocklists | null;

  /** `blocklists`: those of the world; without them nobody is listed. */
  constructor(options: {
    spec: ProviderSpec;
    scenario: Scenario;
    clock: LabClock;
    schedule: Schedule;
    blocklists?: Blocklists;
  }) {
    const { spec, scenario } = options;
    this.spec = spec;
    this.#scenario = scenario;
    this.#seed = scenario.seed;
    this.#dialect = DIALECTS[spec.dialect];
    this.#clock = options.clock;
    this.#schedule = options.schedule;
    this.#greylist = new Greylist({
      seed: scenario.seed,
      provider: spec.key,
      share: spec.greylistShare,
      minHours: spec.greylistMinHours,
      maxHours: spec.greylistMaxHours,
      by: spec.greylistBy,
    });
    const seeded = { seed: scenario.seed, provider: spec.key };
    this.#unlisted = spec.unlistedReplies ? new UnlistedReplies({ ...seeded, ...spec.unlistedReplies }) : null;
    this.#senders = new SenderRegistry(spec, scenario);
    this.#netblocks = spec.netblockReputation ? new Netblocks(spec.netblockReputation.share) : null;
    this.#limits = new Limits({ spec, seed: scenario.seed, dialect: this.#dialect, schedule: this.#schedule });
    this.#blocklists = options.blocklists ?? null;
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

  /** Real ms to wait before any answer to this address; `errors`: 5xx it got on this connection. */
  tarpit(sourceIp: string, errors: number): number {
    const standing = this.#senders.knownSource(sourceIp)?.reputation.standing ?? 'good';
    const events = this.#schedule.at(this.spec.key, 'tarpit');
    return tarpitDelay({ settings: this.spec.tarpit, events, standing, errors });
  }

  rcpt(attempt: RecipientAttempt): Reply {
    const reply = this.#answerRcpt(attempt);
    this.#chargeNetwork(attempt.sourceIp);
    return reply;
  }

  data(message: MessageAttempt): MessageAnswer {
    const answer = this.#answerData(message);
    this.#chargeNetwork(message.sourceIp);
    return answer;
  }

  #answerRcpt(attempt: RecipientAttempt): Reply {
    const { sourceIp, mailFrom, rcpt } = attempt;
    const at = this.#now();
    const { reputation, tally } = this.#senders.source(sourceIp);
    const count = (reply: Reply) => this.#counted(reply, tally, 1);
    reputation.rollTo(at.day);
    if (this.#schedule.outage(this.spec.key)) return count(OUT_OF_SERVICE);
    const list = this.#listing(sourceIp);
    if (list?.answer === 'refuse') return count(LISTED(sourceIp, list.zone));
    if (list?.answer === 'defer') return count(LISTED_FOR_NOW(sourceIp, list.zone));
    if (reputation.standing === 'blocked') {
      reputation.recordKnock(at);
      return count(this.#dialect.blocked(sourceIp));
    }
    if (this.#networkStanding(sourceIp, at) === 'blocked') return count(this.#dialect.netblockBlocked(sourceIp));
    if (this.#blockedByTenant(rcpt)) return count(this.#dialect.tenantBlocked(sourceIp, rcpt));
    if (this.#greylist.defers(sourceIp, domainOf(mailFrom), rcpt, at.hours)) return count(GREYLISTED(rcpt));
    if (this.#dialect.limitsAt === 'rcpt') {
      const limit = this.#limits.ofAddress(reputation, sourceIp, [rcpt], at);
      if (limit) return count(limit);
    }
    if (!recipientExists(rcpt)) {
      reputation.recordDead(at);
      this.#blocklists?.recordDead(sourceIp);
      this.#senders.domain(this.#senders.domainName(mailFrom, null)).recordDead(at);
      return count(this.#dialect.unknownRecipient(rcpt));
    }
    // The provider's own fault: it says so and holds nothing against the sender.
    if (this.#deniesRecipient(rcpt)) return count(this.#dialect.unknownRecipient(rcpt));
    const unlisted = this.#unlisted?.atRcpt({ sourceIp, senderDomain: domainOf(mailFrom), rcpt });
    return unlisted ? count(unlisted) : ACCEPTED_RECIPIENT;
  }

  #answerData(message: MessageAttempt): MessageAnswer {
    const { sourceIp, rcpts, mailFrom } = message;
    const at = this.#now();
    const { reputation, tally } = this.#senders.source(sourceIp);
    const domainName = this.#senders.domainName(mailFrom, message.authorDomain ?? null);
    const domain = this.#senders.domain(domainName);
    const [rcpt = ''] = rcpts;
    const refusal =
      (this.#dialect.limitsAt === 'data' ? this.#limits.ofAddress(reputation, sourceIp, rcpts, at) : null) ??
      this.#limits.ofDomain(domain, domainName, message, at) ??
      this.#unlisted?.afterMessage({ sourceIp, senderDomain: domainOf(mailFrom), rcpt });
    if (refusal) {
      return { reply: this.#counted(refusal, tally, rcpts.length), accepted: false, placement: null };
    }
    for (const _ of rcpts) {
      reputation.recordAccepted(at);
      domain.recordAccepted(at);
      this.#limits.count(reputation, sourceIp, at);
    }
    tally.accepted += rcpts.length;
    const reply = { code: 250, text: `2.0.0 OK ${this.spec.key} queued` };
    const standings = [reputation.standing, domain.standing, this.#networkStanding(sourceIp, at)];
    return { reply, accepted: true, placement: this.#place(message, standings) };
  }

  /** A reader pressed "spam". `author`: the domain the message answers for, null if unknown. */
  complain(sourceIp: string, mailFrom: string, author: string | null): void {
    const at = this.#now();
    this.#senders.source(sourceIp).reputation.recordComplaint(at);
    this.#senders.domain(this.#senders.domainName(mailFrom, author)).recordComplaint(at);
    this.#chargeNetwork(sourceIp);
  }

  /** Every sender and network seen so far, days ended up to now. */
  senders(): KnownSender[] {
    return this.#senders.all(this.#now().day, this.#netblocks?.all());
  }

  #now(): PlanInstant {
    return this.#clock.instant(this.spec.dayStartsAtHour);
  }

  #listing(sourceIp: string): ProviderSpec['blocklists'][number] | undefined {
    return this.spec.blocklists.find(({ zone }) => this.#blocklists?.listed(zone, sourceIp));
  }

  #networkStanding(sourceIp: string, at: PlanInstant): Standing {
    const neighbours = this.#schedule.at(this.spec.key, 'bad-neighbour');
    return this.#netblocks?.standing(sourceIp, neighbours, at) ?? 'good';
  }

  #chargeNetwork(sourceIp: string): void {
    this.#netblocks?.charge(sourceIp, this.#senders.source(sourceIp).reputation, this.#now());
  }

  #counted(reply: Reply, tally: Tally, recipients: number): Reply {
    tally[reply.code < 500 ? 'deferred' : 'refused'] += recipients;
    return reply;
  }

  #blockedByTenant(rcpt: string): boolean {
    return this.#schedule.at(this.spec.key, 'tenant-block').some((one) => one.domain === domainOf(rcpt));
  }

  #deniesRecipient(rcpt: string): boolean {
    return this.#schedule.at(this.spec.key, 'false-unknown').some((one) => {
      return chance(one.share, this.#seed, 'false-unknown', this.spec.key, rcpt);
    });
  }

  #place(message: MessageAttempt, standings: readonly Standing[]): Placement {
    if (this.#returns(message)) return 'returned';
    const [rcpt = ''] = message.rcpts;
    if (standings.every((one) => one === 'good') && this.#listing(message.sourceIp)?.answer !== 'junk') {
      return junks(this.#scenario, this.spec.key, rcpt) ? 'junk' : 'inbox';
    }
    return chance(this.spec.missingShare, this.#seed, 'missing', this.spec.key, message.messageId) ? 'missing' : 'junk';
  }

  // Never a null sender: a report about a report would go on for ever (RFC 5321 §4.5.5).
  #returns({ mailFrom, messageId, rcpts }: MessageAttempt): boolean {
    const { lateBounces, key } = this.spec;
    if (!lateBounces || mailFrom === '') return false;
    return chance(lateBounces.share, this.#seed, 'late-bounce', key, messageId, ...rcpts);
  }
}
