/** Puts one MTA process together: lease, resolver, injection, egress, and the chores between them. */
import { planMs } from '../policy/calendar.ts';
import { createStore } from '../store/connect.ts';
import { LeaseWatch } from '../store/lease-watch.ts';
import { forgetOldRequests } from '../store/notifications.ts';
import { UPSTREAM } from '../store/pools.ts';
import { endProcess } from '../store/processes.ts';
import { expireDue, recoverDead } from '../store/queue.ts';
import { dropOldUnverified } from '../store/reports.ts';
import { durabilityProblems, sweepBodies } from '../store/spool.ts';
import { expireSuppressions, suppressionEntries } from '../store/suppressions.ts';
import { ArmMover } from './arms/mover.ts';
import { UnroutedArms } from './arms/unrouted.ts';
import * as clock from './clock.ts';
import { startDelivery } from './delivery.ts';
import { Egress } from './egress/egress.ts';
import { CLAIM_GRACE_MS, Lease } from './egress/lease.ts';
import { startInbound } from './feedback/inbound.ts';
import { BackPressure, MARKS } from './injection/back-pressure.ts';
import { startInjection } from './injection/start.ts';
import { Notifier } from './notifications/notifier.ts';
import { KEEP_DAYS, Retention } from './retention.ts';
import { Router } from './routing/router.ts';
import type { MtaSettings } from './settings.ts';
import { DeadAddresses } from './suppression/dead-addresses.ts';

export interface Mta {
  readonly id: string;
  readonly submissionPort: number;
  readonly inboundPort: number | null;
  /** Of `injection.listeners`, in their order. */
  readonly listenerPorts: readonly number[];
  readonly httpPort: number | null;
  /** Reads certificates again; idempotent. */
  reload(): void;
  /** Drains and stops; idempotent. */
  stop(): Promise<void>;
}

const HOUR = 3_600_000;
const REAL_TIME = { kind: 'compressed', epoch: 0, dayLength: 24 * HOUR } as const;
/** Anybody can send reports nobody can vouch for: they are kept for people, not for ever. */
const UNVERIFIED_DAYS = 30;
const UNVERIFIED_MOST = 10_000;
/** A bounce may come this long after 250 and still find whether its sender wants to hear of it. */
const REQUESTS_DAYS = 30;
const LIFETIME = { marketing: 72 * HOUR, transactional: 12 * HOUR };
/** A statement of a dead process runs on the server no longer than this. */
const STATEMENT_MS = 120_000;
/**
 * The queue goes from empty to a million rows and back within minutes: a plan made while it was small must be right when
 * it is large, so what has an index is read through it, whatever the values, and in its order: a bitmap of a million
 * rows that are then sorted is how a claim of forty took a second. Making a plan costs more than running it: each is made
 * once a session, and never compiled.
 */
export const SESSION = {
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  jit: 'off',
  plan_cache_mode: 'force_generic_plan',
};

/** Starts an MTA process. Rejects if the store could lose a message that got 250. */
export async function startMta(settings: MtaSettings, onLost: () => void): Promise<Mta> {
  const store = createStore(settings.databaseUrl, {
    applicationName: `rampart-${settings.name}`,
    max: 12,
    settings: SESSION,
  });
  const problems = await durabilityProblems(store);
  if (problems.length > 0) {
    await store.end();
    throw new Error(`this PostgreSQL may lose accepted mail (${problems.join(', ')}): set them on, then start again`);
  }
  const delivery = await startDelivery(settings, store).catch(async (error) => {
    await store.end();
    throw error;
  });
  const { resolver } = delivery;
  let egress: Egress | undefined;
  const lease = new Lease(settings, store, { changed: () => egress?.refresh(), lost: onLost });
  await lease.start();
  egress = new Egress(settings, store, lease, delivery);
  const sending = egress;
  sending.refresh();

  const pressure = new BackPressure({ store, marks: settings.backPressure ?? MARKS, log: settings.log });
  await pressure.look();
  const upstreams = new Set((settings.upstreams ?? []).map(({ pool }) => pool));
  /** A front's days are those of the arm that has lanes. */
  const calendarOf = (pool: string) => {
    const split = sending.arms.split(pool);
    const pools = split === undefined ? [pool] : [pool, split.newArm, split.oldArm];
    return lease.lanes.find((lane) => pools.includes(lane.pool))?.calendar;
  };
  const inPlan = (pool: string, ms: number) => {
    const calendar = calendarOf(pool);
    return calendar === undefined ? ms : planMs(ms, calendar);
  };
  const injection = await startInjection(settings, store, {
    providerOf: (domain, pool) => {
      if (upstreams.has(pool)) return UPSTREAM;
      const known = resolver.knownProvider(domain);
      return known === null ? null : lease.laneProvider(known);
    },
    seating: sending,
    accepting: () => pressure.accepting(),
    processes: () => lease.processes,
    lifetime: (pool, stream) => inPlan(pool, LIFETIME[stream]),
    planMs: inPlan,
    armOf: (mail) => sending.arms.ofNew(mail),
    toUpstream: (pool) => sending.arms.toUpstream(pool),
    refuses: (message) => sending.refuses(message),
    knownPools: () => new Set([...lease.lanes.map((lane) => lane.pool), ...upstreams, ...sending.arms.fronts]),
    suppressed: (recipients) => suppressionEntries(store, recipients),
    // What is routed and has no place yet was told to its dispatcher by the commit (`queued`).
    accepted: (_pool, providers) => {
      if (providers.has(null)) route.soon();
    },
  });
  const inbound = settings.inbound === undefined ? null : await startInbound(settings, store);

  const anyPlanMs = (ms: number) => planMs(ms, lease.lanes[0]?.calendar ?? REAL_TIME);
  const dead = new DeadAddresses({ store, now: clock.now, planMs: anyPlanMs, log: settings.log });
  const notifier = new Notifier({
    store,
    host: settings.hostname,
    bounceDomain: settings.bounceDomain,
    who: settings.notifications ?? 'sender',
    now: clock.now,
    planMs: anyPlanMs,
  });
  const retention = new Retention({
    store,
    days: settings.keepDays ?? KEEP_DAYS,
    now: () => performance.now(),
    log: settings.log,
  });
  let swept = 0;
  const leases = new LeaseWatch(() => performance.now());
  const recover = (within?: number) => recoverDead(store, lease.id, leases, CLAIM_GRACE_MS, within);
  await recover();
  const chores = [
    chore(100, () => sending.tidy()),
    chore(1_000, () => pressure.look()),
    chore(1_000, () => sending.reclaim()),
    chore(1_000, () => expireDue(store, lease.id)),
    chore(1_000, () => recover(STATEMENT_MS)),
    chore(60_000, () => recover()),
    chore(10_000, async () => {
      swept = await sweepBodies(store, swept, 5_000);
    }),
    chore(60_000, () => injection.tidy()),
    ...delivery.chores.map(({ everyMs, work }) => chore(everyMs, work)),
    chore(500, () => dead.settle()),
    chore(1_000, async () => {
      if ((await notifier.notify()) > 0) route.soon();
    }),
    chore(1_000, () => retention.step()),
    chore(600_000, () => forgetOldRequests(store, REQUESTS_DAYS)),
    chore(30_000, () => expireSuppressions(store)),
    chore(600_000, () => dropOldUnverified(store, UNVERIFIED_DAYS, UNVERIFIED_MOST)),
  ];
  const router = new Router(
    store,
    resolver,
    lease.id,
    (provider) => lease.laneProvider(provider),
    [...upstreams],
    new UnroutedArms(store, sending.arms),
  );
  const route = chore(1_000, async () => {
    if (await router.routeWaiting()) sending.lookAgain();
  });
  chores.push(route);
  let stopping: Promise<void> | undefined;
  const mover = new ArmMover({
    store,
    arms: sending.arms,
    splits: () => lease.splits,
    planMs: inPlan,
    clock: () => performance.now(),
    moved: () => sending.lookAgain(),
    stopped: () => stopping !== undefined,
    log: settings.log,
  });
  const move = chore(250, () => mover.step());
  chores.push(move);
  sending.onAside((what) => {
    if (what === 'unrouted') return route.soon();
    mover.wake();
    move.soon();
  });

  function chore(everyMs: number, work: () => Promise<unknown>) {
    let running: Promise<void> | undefined;
    const run = () => {
      running ??= work()
        .then(() => {})
        .catch((error: Error) => settings.log('chore-failed', { error: error.message }))
        .finally(() => {
          running = undefined;
        });
    };
    const timer = setInterval(run, everyMs);
    return {
      soon: () => void setTimeout(run, 10).unref(),
      stop: async () => {
        clearInterval(timer);
        await running;
      },
    };
  }

  async function stop(): Promise<void> {
    await inbound?.stop();
    await injection.stop();
    await Promise.all(chores.map((one) => one.stop()));
    await sending.stop();
    await lease.stop();
    await endProcess(store, lease.id).catch(() => {});
    await store.end();
  }
  return {
    id: lease.id,
    submissionPort: injection.submissionPort,
    inboundPort: inbound?.port ?? null,
    listenerPorts: injection.listenerPorts,
    httpPort: injection.httpPort,
    reload: () => {
      injection.reload();
      inbound?.reload();
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}
