/** The sending half of a process: one dispatcher a pool and provider, one sender and unit book a lane. */
import { setTimeout as sleep } from 'node:timers/promises';
import { planMs, rollupMs, windowOf } from '../../policy/calendar.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { laneTarget } from '../../policy/holds.ts';
import type { ReplyVerdict } from '../../policy/replies.ts';
import { freeFromLane, freeUnfit } from '../../store/claims.ts';
import { type Store, tx } from '../../store/connect.ts';
import { openIncident, placeHold } from '../../store/holds.ts';
import type { LaneRow } from '../../store/lanes.ts';
import type { Claimed, Outcome, OutcomeScale } from '../../store/queue.ts';
import { refusingAddresses } from '../../store/refusals.ts';
import { countSiteAnswer } from '../../store/site-answers.ts';
import type { Spooled, SpoolMessage, SpoolRecipient } from '../../store/spool.ts';
import type { DeliveryParts } from '../delivery.ts';
import type { MtaSettings } from '../settings.ts';
import { Claims } from './claims.ts';
import type { Answer } from './connection.ts';
import { admitted, Dispatcher } from './dispatcher.ts';
import type { Lease } from './lease.ts';
import { OutcomeCommitter } from './outcomes.ts';
import { LaneSender } from './sender.ts';
import { LaneSlots } from './slots.ts';
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

export class Egress {
  readonly #settings: MtaSettings;
  readonly #store: Store;
  readonly #lease: Lease;
  readonly #delivery: DeliveryParts;
  readonly #outcomes: OutcomeCommitter;
  readonly #lanes = new Map<string, LaneEntry>();
  readonly #dispatchers = new Map<string, Dispatcher>();
  readonly #claims: Claims;
  readonly #freeing = new Set<string>();
  #sending = 0;
  #stopped = false;

  constructor(settings: MtaSettings, store: Store, lease: Lease, delivery: DeliveryParts) {
    this.#settings = settings;
    this.#store = store;
    this.#lease = lease;
    this.#delivery = delivery;
    this.#claims = new Claims(store, lease.id);
    this.#outcomes = new OutcomeCommitter(store, lease.id, () => this.#scale(), settings.log);
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
        this.#freeUnfit(lane);
      } else {
        const changed = known.lane.revision !== lane.revision || known.lane.phase !== lane.phase;
        if (changed) known.units.wake();
        if (changed || known.lane.segment !== lane.segment) this.#freeUnfit(lane);
        known.lane = lane;
        known.sender.update(lane);
      }
      this.#dispatcherOf(lane);
    }
    // A lane that moved to another node or was removed: an old row must not go on sending.
    for (const [key, { units, sender }] of this.#lanes) {
      if (present.has(key)) continue;
      this.#lanes.delete(key);
      sender.closeIdle(Number.POSITIVE_INFINITY);
      units.settle().catch((error: Error) => this.#settings.log('units-lost', { lane: key, error: error.message }));
    }
    this.#freeStopped();
    for (const dispatcher of this.#dispatchers.values()) dispatcher.wake();
  }

  /** See Seating (mta/injection/group-commit.ts). */
  get process(): string {
    return this.#claims.process;
  }

  seat(message: SpoolMessage, recipient: SpoolRecipient): Seat | 'soon' | null {
    if (this.#stopped || recipient.provider === null || message.pin !== undefined) return null;
    const now = Date.now();
    if (message.notBefore !== undefined && message.notBefore > now) return null;
    const mail = {
      ...{ address: null, domain: recipient.domain, campaign: message.campaign, tenant: message.tenant },
      ...{ stream: message.stream, segment: message.segment, oneClick: message.oneClick ?? true },
      ...{ freed: false, pinned: false },
    };
    const { provider } = recipient;
    const place = this.#dispatchers.get(`${message.pool} ${provider}`)?.seat(mail, now);
    if (place == null || place === 'soon') return place ?? null;
    const { raw, mailFrom, messageId } = message;
    const fresh = { ...mail, provider, rcpt: recipient.rcpt, raw, mailFrom, messageId, attempts: 0, doubts: 0 };
    return {
      send: (id, of) => place.send({ ...fresh, id, message: of, bodyId: of, firstAttempt: null }),
      release: place.release,
    };
  }

  room({ pool }: SpoolMessage, { provider }: SpoolRecipient, ms: number): Promise<void> {
    return this.#dispatchers.get(`${pool} ${provider}`)?.room(ms) ?? Promise.resolve();
  }

  queued(message: SpoolMessage, recipient: SpoolRecipient): void {
    if (recipient.provider !== null) this.#dispatchers.get(`${message.pool} ${recipient.provider}`)?.queued(message);
  }

  committing(
    work: () => Promise<Spooled[]>,
    adopt: (rows: readonly Spooled[]) => readonly number[],
  ): Promise<Spooled[]> {
    return this.#claims.committing(work, adopt);
  }

  /** Mail of these providers was accepted. */
  nudge(pool: string, providers: ReadonlySet<string | null>): void {
    for (const provider of providers) if (provider !== null) this.#dispatchers.get(`${pool} ${provider}`)?.wake();
  }

  /** Mail was queued, or got its provider, in a way the dispatchers do not know of. */
  lookAgain(): void {
    for (const dispatcher of this.#dispatchers.values()) dispatcher.lookAgain();
  }

  /** Housekeeping a few times a second: idle blocks go back, idle connections close. */
  async tidy(): Promise<void> {
    const now = Date.now();
    for (const { lane, units, sender } of this.#lanes.values()) {
      const window = windowOf(now, lane.calendar);
      sender.closeIdle(now);
      await units.settleIdle(now, window.end - window.start);
    }
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
    await this.#outcomes.drain();
    for (const { units, sender } of this.#lanes.values()) {
      sender.close();
      await units.settle().catch(() => {});
    }
    await this.#claims.releaseUnknown(0).catch(() => {});
  }

  #scale(): OutcomeScale {
    const calendar = this.#lease.lanes[0]?.calendar;
    if (calendar === undefined) return { bucketMs: 60_000, idleMs: DEFAULTS.idleMs };
    return { bucketMs: rollupMs(calendar), idleMs: planMs(DEFAULTS.idleMs, calendar) };
  }

  #meet(key: string, lane: LaneRow): LaneEntry {
    const units = new LaneUnits(this.#store, lane.address, lane.provider);
    const sender = this.#sender(lane, units, key);
    const entry: LaneEntry = {
      lane,
      units,
      sender,
      slots: new LaneSlots(sender),
      stops: () => entry.fatal ?? this.#lease.stops(entry.lane, Date.now()),
      fatal: null,
    };
    return entry;
  }

  #dispatcherOf({ pool, provider }: LaneRow): void {
    const group = `${pool} ${provider}`;
    if (this.#dispatchers.has(group)) return;
    const dispatcher = new Dispatcher(pool, provider, {
      claims: this.#claims,
      lease: this.#lease,
      log: this.#settings.log,
      lanes: () => [...this.#lanes.values()].filter(({ lane: l }) => l.pool === pool && l.provider === provider),
    });
    this.#dispatchers.set(group, dispatcher);
    dispatcher.start();
  }

  #sender(lane: LaneRow, units: LaneUnits, key: string): LaneSender {
    const current = () => this.#lanes.get(key)?.lane ?? lane;
    const wake = (at?: number) => {
      const { pool, provider } = current();
      const dispatcher = this.#dispatchers.get(`${pool} ${provider}`);
      if (at === undefined) dispatcher?.wake();
      else dispatcher?.wakeAt(at);
    };
    return new LaneSender(lane, {
      ...this.#delivery,
      smtpPort: this.#settings.smtpPort,
      traceKey: this.#settings.traceKey,
      bounceDomain: this.#settings.bounceDomain,
      began: () => {
        this.#sending += 1;
      },
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
      stops: (message) => this.#stops(key, message),
      leaseFresh: () => this.#lease.allows(current(), Date.now()),
      warmPeers: () => (current().overflow === 'wait' ? [] : this.#lease.warmPeers(current(), Date.now())),
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
        this.#sending -= 1;
        this.#claims.done(id);
        wake();
      },
    });
  }

  #stops(key: string, message: Claimed): string | null {
    const entry = this.#lanes.get(key);
    if (entry === undefined) return 'the lane left this node';
    const now = Date.now();
    return entry.stops() ?? this.#lease.stopsMail(message, this.#lease.cold(entry.lane, now), now);
  }

  /**
   * A reply that names the lane's end: hold and incident in one transaction, in force before the next message. A block of
   * the network is one of every lane in the /24 at this provider, warm ones and other nodes' included.
   */
  async #laneFatal(lane: LaneRow, verdict: ReplyVerdict, answer: Answer): Promise<void> {
    const lanes = verdict.scope === 'netblock' ? this.#lease.lanesOfBlock(lane.address, lane.provider) : [lane];
    const cause = `incident:${verdict.rule}`;
    const reason = `${lane.provider} refused ${lane.address}: ${answer.text}`.slice(0, 300);
    const reply = `${answer.code} ${answer.text}`;
    const entries = lanes.flatMap((one) => this.#lanes.get(laneTarget(one.address, one.provider)) ?? []);
    for (const entry of entries) entry.fatal = reason;
    while (!this.#stopped) {
      try {
        await tx(this.#store, async (db) => {
          for (const { address, provider } of lanes) {
            const target = laneTarget(address, provider);
            const detail = { reply, rule: verdict.rule, address, provider };
            await placeHold(db, { scope: 'lane', target, reach: 'all', cause, actor: 'mta', reason, evidence: detail });
            await openIncident(db, { scope: 'lane', target, cause, address, provider, detail });
          }
        });
        break;
      } catch (error) {
        this.#settings.log('incident-not-stored', { address: lane.address, reply, error: (error as Error).message });
        await sleep(STORE_RETRY_MS);
      }
    }
    // Not before the hold was seen here: until then nothing else would stop the lane.
    while (!this.#stopped && !(await this.#lease.renewNow())) await sleep(STORE_RETRY_MS);
    for (const entry of entries) entry.fatal = null;
  }

  /**
   * Mail that waits for a lane which was stopped may go to a warm address. Repeated while the stop lasts: what was in a
   * transaction when it came is deferred to the lane only afterwards.
   */
  /** May mail leave this lane for a warm address? Not where the pool's mail is to wait for its lane. */
  #mayLeave(lane: LaneRow): boolean {
    return lane.overflow !== 'wait' && this.#lease.hasWarmPeer(lane, Date.now());
  }

  /** Mail that a lane kept while it was warm, or at a later stage, and may not carry now, goes to a warm address. */
  #freeUnfit(lane: LaneRow): void {
    const now = Date.now();
    if (!this.#lease.cold(lane, now) || !this.#lease.hasWarmPeer(lane, now)) return;
    freeUnfit(this.#store, lane.address, lane.provider, admitted(lane.segment)).catch((error: Error) =>
      this.#settings.log('not-freed', { lane: laneTarget(lane.address, lane.provider), error: error.message }),
    );
  }

  #freeStopped(): void {
    const now = Date.now();
    for (const lane of this.#lease.stoppedLanes(now)) {
      // Freed mail goes to warm addresses only: where there is none, it waits for its own.
      if (!this.#mayLeave(lane)) continue;
      const { address, provider } = lane;
      const key = laneTarget(address, provider);
      if (this.#freeing.has(key)) continue;
      this.#freeing.add(key);
      freeFromLane(this.#store, address, provider)
        .catch((error: Error) => this.#settings.log('not-freed', { lane: key, error: error.message }))
        .finally(() => this.#freeing.delete(key));
    }
  }
}
