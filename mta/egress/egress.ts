/** The sending half of a process: one dispatcher a pool and provider, one sender and unit book a lane. */
import { rollupMs, windowOf } from '../../policy/calendar.ts';
import { laneTarget, netblockOf } from '../../policy/holds.ts';
import type { ReplyVerdict } from '../../policy/replies.ts';
import { type Store, tx } from '../../store/connect.ts';
import { openIncident, placeHold } from '../../store/holds.ts';
import type { LaneRow } from '../../store/lanes.ts';
import { freeFromLane, type Outcome, postpone } from '../../store/queue.ts';
import type { MailResolver } from '../routing/resolver.ts';
import type { MtaSettings } from '../settings.ts';
import type { Answer } from './connection.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Lease } from './lease.ts';
import { OutcomeCommitter } from './outcomes.ts';
import { LaneSender } from './sender.ts';
import { LaneUnits } from './units.ts';

interface LaneEntry {
  lane: LaneRow;
  readonly units: LaneUnits;
  readonly sender: LaneSender;
}

export class Egress {
  readonly #settings: MtaSettings;
  readonly #store: Store;
  readonly #lease: Lease;
  readonly #resolver: MailResolver;
  readonly #outcomes: OutcomeCommitter;
  readonly #lanes = new Map<string, LaneEntry>();
  readonly #dispatchers = new Map<string, Dispatcher>();
  readonly #freed = new Set<string>();
  #sending = 0;
  #stopped = false;

  constructor(settings: MtaSettings, store: Store, lease: Lease, resolver: MailResolver) {
    this.#settings = settings;
    this.#store = store;
    this.#lease = lease;
    this.#resolver = resolver;
    this.#outcomes = new OutcomeCommitter(store, lease.id, () => this.#bucketMs(), settings.log);
  }

  /** Lanes or holds changed: meet new lanes, let mail go from stopped ones, look again everywhere. */
  refresh(): void {
    if (this.#stopped) return;
    for (const lane of this.#lease.lanes) {
      const key = laneTarget(lane.address, lane.provider);
      const known = this.#lanes.get(key);
      if (known === undefined) this.#meet(key, lane);
      else if (known.lane.revision !== lane.revision || known.lane.phase !== lane.phase) {
        known.units.wake();
        known.lane = lane;
        known.sender.update(lane);
      } else known.lane = lane;
    }
    this.#freeStopped();
    for (const dispatcher of this.#dispatchers.values()) dispatcher.wake();
  }

  /** Mail of these providers was accepted. */
  nudge(pool: string, providers: ReadonlySet<string | null>): void {
    for (const provider of providers) if (provider !== null) this.#dispatchers.get(`${pool} ${provider}`)?.wake();
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

  /** Drains: nothing new starts, what is in a transaction ends and is committed, unused units go back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#dispatchers.values()].map((dispatcher) => dispatcher.stop()));
    for (let waited = 0; this.#sending > 0 && waited < 30_000; waited += 20) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await this.#outcomes.drain();
    for (const { units, sender } of this.#lanes.values()) {
      sender.close();
      await units.settle().catch(() => {});
    }
  }

  #bucketMs(): number {
    const calendar = this.#lease.lanes[0]?.calendar;
    return calendar === undefined ? 60_000 : rollupMs(calendar);
  }

  #meet(key: string, lane: LaneRow): void {
    const units = new LaneUnits(this.#store, lane.address, lane.provider);
    const entry: LaneEntry = { lane, units, sender: this.#sender(lane, units, key) };
    this.#lanes.set(key, entry);
    const group = `${lane.pool} ${lane.provider}`;
    if (!this.#dispatchers.has(group)) {
      const dispatcher = new Dispatcher(lane.pool, lane.provider, {
        store: this.#store,
        lease: this.#lease,
        log: this.#settings.log,
        lanes: () => [...this.#lanes.values()].filter(({ lane: l }) => `${l.pool} ${l.provider}` === group),
      });
      this.#dispatchers.set(group, dispatcher);
      dispatcher.start();
    }
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
      resolver: this.#resolver,
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
      putBack: (unit) => units.putBack(unit),
      postpone: async (id, due, why) => {
        await postpone(this.#store, [id], this.#lease.id, due, why);
        wake(due);
      },
      stops: () => this.#lease.stops(current(), Date.now()),
      leaseFresh: () => this.#lease.fresh,
      log: this.#settings.log,
      laneFatal: (verdict, answer) => this.#laneFatal(current(), verdict, answer),
      freed: () => {
        this.#sending -= 1;
        wake();
      },
    });
  }

  /** A reply that names the lane's end: hold and incident in one transaction, in force before the next message. */
  async #laneFatal(lane: LaneRow, verdict: ReplyVerdict, answer: Answer): Promise<void> {
    const netblock = verdict.scope === 'netblock';
    const scope = netblock ? 'netblock' : 'lane';
    const target = netblock ? netblockOf(lane.address) : laneTarget(lane.address, lane.provider);
    const cause = `incident:${verdict.rule}`;
    const detail = {
      reply: `${answer.code} ${answer.text}`,
      rule: verdict.rule,
      address: lane.address,
      provider: lane.provider,
    };
    try {
      await tx(this.#store, async (db) => {
        const reason = `${lane.provider} refused ${lane.address}: ${answer.text}`.slice(0, 300);
        await placeHold(db, { scope, target, reach: 'all', cause, actor: 'mta', reason, evidence: detail });
        await openIncident(db, { scope, target, cause, address: lane.address, provider: lane.provider, detail });
      });
      await this.#lease.renewNow();
    } catch (error) {
      this.#settings.log('incident-not-stored', { ...detail, error: (error as Error).message });
    }
  }

  /** Mail that waits for a lane which was stopped may go to a warm address; done once a hold. */
  #freeStopped(): void {
    const stopped = this.#lease.stoppedLanes(Date.now());
    const keys = new Set(stopped.map((lane) => laneTarget(lane.address, lane.provider)));
    for (const key of this.#freed) if (!keys.has(key)) this.#freed.delete(key);
    for (const lane of stopped) {
      const key = laneTarget(lane.address, lane.provider);
      if (this.#freed.has(key)) continue;
      this.#freed.add(key);
      freeFromLane(this.#store, lane.address, lane.provider).catch((error: Error) => {
        this.#freed.delete(key);
        this.#settings.log('not-freed', { lane: key, error: error.message });
      });
    }
  }
}
