/** The sending half of a process: one dispatcher a pool and provider, one sender and unit book a lane. */
import { setTimeout as sleep } from 'node:timers/promises';
import { planMs, rollupMs, windowOf } from '../../policy/calendar.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { laneTarget } from '../../policy/holds.ts';
import { overflowPool } from '../../policy/overflow.ts';
import type { ReplyVerdict } from '../../policy/replies.ts';
import type { Store } from '../../store/connect.ts';
import type { LaneRow } from '../../store/lanes.ts';
import type { Claimed, Outcome, OutcomeScale } from '../../store/queue.ts';
import { refusingAddresses } from '../../store/refusals.ts';
import { countSiteAnswer } from '../../store/site-answers.ts';
import type { Spooled, SpoolMessage, SpoolRecipient } from '../../store/spool.ts';
import { Arms } from '../arms/arms.ts';
import * as clock from '../clock.ts';
import type { DeliveryParts } from '../delivery.ts';
import type { MtaSettings } from '../settings.ts';
import { Upstreams } from '../upstream/upstreams.ts';
import { Claims } from './claims.ts';
import type { Answer } from './connection.ts';
import { Dispatcher } from './dispatcher.ts';
import { fatalReason, keepIncident } from './lane-fatal.ts';
import type { Lease } from './lease.ts';
import { Leaving } from './leaving.ts';
import { MailEasing } from './mail-easing.ts';
import { newMail } from './new-mail.ts';
import { OutcomeCommitter } from './outcomes.ts';
import type { LaneParts } from './sendable.ts';
import { LaneSender } from './sender.ts';
import { LimitTable } from './shaping.ts';
import { LaneSlots } from './slots.ts';
import { Transcripts } from './transcripts.ts';
import { LaneUnits } from './units.ts';

/** A place for one recipient before its message is committed. */
export interface Seat {
  send(recipient: number, message: number): void;
  release(): void;
}

interface LaneEntry {
  lane: LaneRow;
  readonly units: LaneUnits;
  readonly sender: LaneSender;
  readonly slots: LaneSlots;
  readonly stops: () => string | null;
  /** A reply ended the lane: it stops here at once, and everywhere when the hold is stored. */
  fatal: string | null;
}

/** Below the supervisor's patience: what has not ended by then is cut, and in doubt at most once a connection. */
const DRAIN_MS = 12_000;
const STORE_RETRY_MS = 250;

/** Mail was put where others look for it: among what has no provider yet, or what goes back to an old arm. */
export type Aside = 'unrouted' | 'returns';

export class Egress {
  /** Who carries a front's mail. */
  readonly arms: Arms;
  readonly #settings: MtaSettings;
  readonly #store: Store;
  readonly #lease: Lease;
  readonly #delivery: DeliveryParts;
  readonly #outcomes: OutcomeCommitter;
  readonly #lanes = new Map<string, LaneEntry>();
  readonly #dispatchers = new Map<string, Dispatcher>();
  readonly #claims: Claims;
  readonly #transcripts: Transcripts;
  readonly #leaving: Leaving;
  readonly #limits: LimitTable;
  readonly #easing: MailEasing;
  readonly #upstreams: Upstreams;
  /** Dispatchers that hand mail to a pool that is not their own: its free places are theirs too. */
  readonly #overflowing = new Map<string, Set<Dispatcher>>();
  #sending = 0;
  /** A message is in hand, and in nobody's hands any more. */
  readonly #counting = {
    began: () => {
      this.#sending += 1;
    },
    freed: (id: number) => {
      this.#sending -= 1;
      this.#claims.done(id);
    },
  };
  #aside: (what: Aside) => void = () => {};
  #stopped = false;
  /** Nothing is in a transaction any more, or its time is over. */
  #drained = false;

  constructor(settings: MtaSettings, store: Store, lease: Lease, delivery: DeliveryParts) {
    this.#settings = settings;
    this.#store = store;
    this.#lease = lease;
    this.#delivery = delivery;
    this.arms = new Arms({
      splits: () => lease.splits,
      isUpstream: (pool) => this.#upstreams.of(pool) !== undefined,
      laneProvider: (pool, provider) => lease.laneProviderIn(pool, provider),
      knownProvider: (domain) => delivery.resolver.knownProvider(domain),
    });
    this.#leaving = new Leaving(store, lease, (pool) => this.#upstreams.of(pool) !== undefined, settings.log);
    this.#claims = new Claims(store, lease.id, {
      elsewhere: (message) => this.arms.elsewhere(message),
      placed: (moved) => {
        for (const { message, place } of moved) {
          if (place.returns) this.#aside('returns');
          else if (place.provider === null) this.#aside('unrouted');
          else this.#dispatchers.get(`${place.pool} ${place.provider}`)?.queued(message);
        }
      },
    });
    this.#easing = new MailEasing(lease);
    this.#limits = new LimitTable(settings.shaping ?? {}, () => lease.onNode);
    this.#transcripts = new Transcripts(store, lease.id, () => lease.traces, settings.log);
    this.#outcomes = new OutcomeCommitter(store, lease.id, () => this.#scale(), settings.log);
    this.#upstreams = new Upstreams({
      ...{ settings, lease, delivery },
      commit: (outcome) => this.#outcomes.commit(outcome),
      handBack: (id, due, why) => this.#claims.handBack([id], why, due),
      armStops: (message) => this.#armStops(message),
      ...this.#counting,
      wake: (lane, at) => this.#wake(lane, at),
    });
  }

  /** Lanes or holds changed: meet new lanes, leave those that went, let mail go from stopped ones, look again. */
  refresh(): void {
    if (this.#stopped) return;
    const present = new Set<string>();
    for (const lane of this.#lease.lanes) {
      const key = laneTarget(lane.address, lane.provider);
      present.add(key);
      const known = this.#lanes.get(key);
      if (known === undefined) {
        this.#lanes.set(key, this.#meet(key, lane));
        this.#leaving.unfit(lane);
      } else {
        const changed = known.lane.revision !== lane.revision || known.lane.phase !== lane.phase;
        if (changed) known.units.wake();
        if (changed || known.lane.segment !== lane.segment) this.#leaving.unfit(lane);
        known.lane = lane;
        known.sender.update(lane);
      }
      this.#dispatcherOf(lane);
    }
    for (const { lane } of this.#upstreams.all) this.#dispatcherOf(lane);
    // A lane that moved to another node or was removed: an old row must not go on sending.
    for (const [key, { units, sender }] of this.#lanes) {
      if (present.has(key)) continue;
      this.#lanes.delete(key);
      sender.closeIdle(Number.POSITIVE_INFINITY);
      units.settle().catch((error: Error) => this.#settings.log('units-lost', { lane: key, error: error.message }));
    }
    this.#leaving.stopped();
    for (const dispatcher of this.#dispatchers.values()) dispatcher.wake();
  }

  /** See Seating (mta/injection/group-commit.ts). */
  get process(): string {
    return this.#claims.process;
  }

  seat(message: SpoolMessage, recipient: SpoolRecipient, waited = false): Seat | 'soon' | null {
    if (this.#stopped || recipient.provider === null || message.pin !== undefined) return null;
    const now = clock.now();
    if (message.notBefore !== undefined && message.notBefore > now) return null;
    const { provider } = recipient;
    const mail = newMail(message, recipient);
    const place = this.#dispatchers.get(`${mail.pool} ${provider}`)?.seat(mail, now, waited);
    if (place == null || place === 'soon') return place ?? null;
    const { raw, mailFrom, messageId } = message;
    const { outside = null, mailboxProvider = null } = recipient.arm ?? {};
    // What another engine wrote goes out with fields of ours, which its sender adds.
    if (mail.front === null) this.#delivery.signer.ahead(raw, mail.pool);
    const known = { ...mail, provider, rcpt: recipient.rcpt, outside, mailboxProvider };
    const fresh = { ...known, raw, mailFrom, messageId, attempts: 0, doubts: 0 };
    return {
      send: (id, of) => place.send({ ...fresh, id, message: of, bodyId: of, firstAttempt: null }),
      release: place.release,
    };
  }

  /**
   * Why its pool takes no such mail now, or null: only pools with overflow `refuse` say so, and only of lanes this process
   * knows all about.
   */
  async refuses(message: SpoolMessage): Promise<string | null> {
    const now = clock.now();
    if (message.notBefore !== undefined && message.notBefore > now) return null;
    for (const recipient of message.recipients) {
      const { provider } = recipient;
      if (provider === null) continue;
      const mail = newMail(message, recipient);
      const lanes = this.#lease.peers(mail.pool, provider);
      if (lanes[0]?.overflow !== 'refuse' || lanes.some(({ node }) => node !== this.#settings.node)) continue;
      const dispatcher = this.#dispatchers.get(`${mail.pool} ${provider}`);
      const why = (await dispatcher?.noRoom(mail, now)) ?? null;
      if (why !== null) return `Pool ${mail.pool} takes no mail for ${provider} now, try again later: ${why}`;
    }
    return null;
  }

  room(message: SpoolMessage, { provider, arm }: SpoolRecipient, ms: number, waited: boolean): Promise<void> {
    const pool = arm?.pool ?? message.pool;
    return this.#dispatchers.get(`${pool} ${provider}`)?.room(message, ms, waited) ?? Promise.resolve();
  }

  queued(message: SpoolMessage, { provider, arm }: SpoolRecipient): void {
    if (provider !== null) this.#dispatchers.get(`${arm?.pool ?? message.pool} ${provider}`)?.queued(message);
  }

  /** Who is told of mail that was put aside. */
  onAside(told: (what: Aside) => void): void {
    this.#aside = told;
  }

  committing(
    work: () => Promise<Spooled[]>,
    adopt: (rows: readonly Spooled[]) => readonly number[],
  ): Promise<Spooled[]> {
    return this.#claims.committing(work, adopt);
  }

  /** Mail was queued, or got its provider, in a way the dispatchers do not know of. */
  lookAgain(): void {
    for (const dispatcher of this.#dispatchers.values()) dispatcher.lookAgain();
  }

  /** Housekeeping a few times a second: idle blocks go back, idle connections close. */
  async tidy(): Promise<void> {
    const now = clock.now();
    for (const { lane, units, sender } of this.#lanes.values()) {
      sender.closeIdle(now);
      await units.settleIdle(now, () => {
        const window = windowOf(now, lane.calendar);
        return window.end - window.start;
      });
    }
    for (const { sender } of this.#upstreams.all) sender.closeIdle(now);
    await this.#transcripts.flush();
  }

  /** Lets go of claims in nobody's hands. */
  async reclaim(): Promise<void> {
    if ((await this.#claims.releaseUnknown()) > 0) this.lookAgain();
  }

  /** Drains: nothing new starts, what is in a transaction ends and is committed, unused units go back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.stop()));
    for (let waited = 0; this.#sending > 0 && waited < DRAIN_MS; waited += 20) {
      await sleep(20);
    }
    this.#drained = true;
    await this.#outcomes.drain();
    for (const { units, sender } of this.#lanes.values()) {
      sender.close();
      await units.settle().catch(() => {});
    }
    for (const { sender } of this.#upstreams.all) sender.close();
    await this.#transcripts.flush();
    await this.#claims.releaseUnknown(0).catch(() => {});
  }

  #scale(): OutcomeScale {
    const calendar = this.#lease.lanes[0]?.calendar;
    if (calendar === undefined) return { bucketMs: 60_000, idleMs: DEFAULTS.idleMs };
    return { bucketMs: rollupMs(calendar), idleMs: planMs(DEFAULTS.idleMs, calendar) };
  }

  #meet(key: string, lane: LaneRow): LaneEntry {
    const current = () => this.#lanes.get(key)?.lane ?? lane;
    const units = new LaneUnits(this.#store, lane.address, lane.provider, () => ({
      messages: this.#limits.of(current()).messages,
      eased: this.#lease.eases(current(), clock.now()) ? DEFAULTS.easePace / this.#lease.onNode : null,
    }));
    const sender = this.#sender(lane, units, key);
    const entry: LaneEntry = {
      lane,
      units,
      sender,
      slots: new LaneSlots(sender),
      stops: () => entry.fatal ?? this.#lease.stops(entry.lane, clock.now()),
      fatal: null,
    };
    return entry;
  }

  #dispatcherOf({ pool, provider }: LaneRow): void {
    const group = `${pool} ${provider}`;
    if (this.#dispatchers.has(group)) return;
    const dispatcher: Dispatcher = new Dispatcher(pool, provider, {
      claims: this.#claims,
      lease: this.#lease,
      easing: this.#easing,
      tenantShare: this.#settings.tenantShare ?? DEFAULTS.tenantShare,
      // An upstream finds the way itself.
      silent: () => (this.#upstreams.of(pool) !== undefined ? [] : this.#delivery.resolver.silentDomains()),
      log: this.#settings.log,
      lanes: () => this.#lanesOf(pool, provider),
      guests: () => this.#guestsOf(dispatcher, pool, provider),
    });
    this.#dispatchers.set(group, dispatcher);
    dispatcher.start();
  }

  #lanesOf(pool: string, provider: string): readonly LaneParts[] {
    const upstream = this.#upstreams.of(pool);
    if (upstream !== undefined) return [upstream];
    return [...this.#lanes.values()].filter(({ lane }) => lane.pool === pool && lane.provider === provider);
  }

  /**
   * Lanes of the pool that takes what this one's may not; none while a warm lane of it may send from another node, nor
   * while it is stopped: its mail must not go by another's lanes instead.
   */
  #guestsOf(dispatcher: Dispatcher, pool: string, provider: string): readonly LaneParts[] {
    const to = this.#overflowOf(pool, provider);
    const now = clock.now();
    if (to === null || this.#lease.holdsPool(pool, now) || this.#lease.warmElsewhere(pool, provider, now)) return [];
    const known = this.#overflowing.get(to);
    if (known === undefined) this.#overflowing.set(to, new Set([dispatcher]));
    else known.add(dispatcher);
    return this.#lanesOf(to, provider);
  }

  #overflowOf(pool: string, provider: string): string | null {
    const [lane] = this.#lease.peers(pool, provider);
    return lane === undefined ? null : overflowPool(lane.overflow);
  }

  /** A place is free, or mail may be due: those who look for one look again. */
  #wake({ pool, provider }: LaneRow, at?: number): void {
    const own = this.#dispatchers.get(`${pool} ${provider}`);
    if (at !== undefined) {
      own?.wakeAt(at);
      return;
    }
    own?.wake();
    for (const dispatcher of this.#overflowing.get(pool) ?? []) dispatcher.wake();
  }

  #sender(lane: LaneRow, units: LaneUnits, key: string): LaneSender {
    const current = () => this.#lanes.get(key)?.lane ?? lane;
    const wake = (at?: number) => this.#wake(current(), at);
    return new LaneSender(lane, {
      ...this.#delivery,
      limits: () => this.#limits.of(current()),
      transcripts: this.#transcripts,
      smtpPort: this.#settings.smtpPort,
      traceKey: this.#settings.traceKey,
      bounceDomain: this.#settings.bounceDomain,
      began: this.#counting.began,
      commit: async (outcome: Outcome) => {
        await this.#outcomes.commit(outcome);
        if (outcome.retry !== null) wake(outcome.retry.due);
      },
      putBack: (unit) =>
        // A unit that can not be given back is lost: too little is sent, never too much.
        units
          .putBack(unit)
          .catch((error: Error) => this.#settings.log('unit-lost', { lane: key, error: error.message })),
      postpone: async (id, due, why) => {
        await this.#claims.handBack([id], why, due);
        wake(due);
      },
      handBack: (id, due, why) => this.#claims.handBack([id], why, due),
      stops: (message) => this.#stops(key, message),
      leaseFresh: () => this.#lease.allows(current(), clock.now()),
      warmPeers: () => this.#leaving.elsewhere(current()),
      refusedBy: (recipient) => refusingAddresses(this.#store, recipient),
      siteJudged: (verdict, at) => {
        const answer = { address: current().address, provider: current().provider, at };
        const blocked = verdict.severity === 'blocked';
        countSiteAnswer(this.#store, { ...answer, blocked }, this.#scale().bucketMs).catch((error: Error) =>
          this.#settings.log('site-answer-not-counted', { lane: key, error: error.message }),
        );
      },
      log: this.#settings.log,
      laneFatal: (verdict, answer) => this.#laneFatal(current(), verdict, answer),
      freed: (id) => {
        this.#counting.freed(id);
        wake();
      },
    });
  }

  #stops(key: string, message: Claimed): string | null {
    const entry = this.#lanes.get(key);
    if (entry === undefined) return 'the lane left this node';
    const now = clock.now();
    return (
      entry.stops() ?? this.#lease.stopsMail(message, this.#lease.cold(entry.lane, now), now) ?? this.#armStops(message)
    );
  }

  /** Why the arm that has this message may not begin it: the line moved, or nobody could have told us that it did. */
  #armStops(message: Claimed): string | null {
    if (this.#lease.splits.size === 0) return null;
    if (message.front !== null && !this.#lease.fresh)
      return 'no lease: whether its cutover was rolled back is not known';
    return this.arms.elsewhere(message) === null ? null : 'its cutover has given it to the other arm';
  }

  /** A reply ended the lane: it stops here at once, everywhere when the hold is stored. */
  async #laneFatal(lane: LaneRow, verdict: ReplyVerdict, answer: Answer): Promise<void> {
    const lanes = verdict.scope === 'netblock' ? this.#lease.lanesOfBlock(lane.address, lane.provider) : [lane];
    const entries = lanes.flatMap((one) => this.#lanes.get(laneTarget(one.address, one.provider)) ?? []);
    const reason = fatalReason(lane, answer);
    for (const entry of entries) entry.fatal = reason;
    // Also while this process drains: what a last message was told binds whoever sends next.
    await keepIncident(this.#store, this.#settings.log, { lanes, verdict, answer, reason }, () => !this.#drained);
    // Not before the hold was seen here: until then nothing else would stop the lane.
    while (!this.#stopped && !(await this.#lease.renewNow())) await sleep(STORE_RETRY_MS);
    for (const entry of entries) entry.fatal = null;
  }
}
