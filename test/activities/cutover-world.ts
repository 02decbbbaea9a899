/** A front with two arms under a clock that tests set: attempts are rows as the MTA writes them, activities run as they are. */
import assert from 'node:assert/strict';
import { evaluateCutover } from '../../activities/cutover/evaluate.ts';
import { orderCutover } from '../../activities/cutover/orders.ts';
import { nextLook } from '../../activities/cutover/times.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import { type Calendar, DAY_MS, windowOf } from '../../policy/calendar.ts';
import { CUTOVER_PLAN, type CutoverPlan } from '../../policy/cutover/plan.ts';
import type { Arm, Stream } from '../../policy/cutover/split.ts';
import { pointsAt } from '../../policy/cutover/thresholds.ts';
import { tx } from '../../store/connect.ts';
import { cutoverDecisions, cutoverOf, insertCutover } from '../../store/cutovers.ts';
import { upsertAddress } from '../../store/lanes.ts';
import { upsertPool } from '../../store/pools.ts';
import { readSplit } from '../../store/splits.ts';
import type { CutoverCommand } from '../../temporal/contracts.ts';
import { insertMail } from './cutover-mail.ts';
import { startDatabase } from './database.ts';

export const db = await startDatabase();
export const HOUR = DAY_MS / 24;
export const START = Date.UTC(2030, 0, 7);
export const calendar: Calendar = {
  ...{ kind: 'civil', zone: 'UTC', sendDays: [1, 2, 3, 4, 5, 6, 7], sendHours: { from: 0, to: 24 } },
};
export const PROVIDERS = ['google', 'yahoo'];
export const clock = { now: START };
/** Upstreams a feed should tell of. */
export const fed = new Set<string>();
export const deps: ActivityDeps = {
  ...{ store: db.store, seeds: [], complaintFeeds: [], now: () => clock.now, log: () => {} },
  placement: { minCeiling: 500, share: 0.01, minObserved: 3, collapse: 0.5, everyWindows: 1, seeds: 5 },
  told: (pool) => fed.has(pool),
};

/** Short: three steps, a day each. */
export const PLAN: CutoverPlan = {
  ...CUTOVER_PLAN,
  ...{ steps: [10, 40, 100], transactionalSteps: [], uncapped: true, lagHours: 24, watchDays: 2 },
  floor: { perDay: 100, mostShare: 0.2 },
};

let operations = 0;

/** Pools with a warm address each; `ceiling` is that of the new arm's lanes. */
export async function anew(ceiling = 100_000): Promise<void> {
  await db.store.query(
    `truncate cutovers, cutover_decisions, cutover_hours, cutover_volumes, cutover_shares, cutover_gates, cutover_probes, pool_migrations, splits, split_changes,
       pools, addresses, lanes, grants, holds, attempts, messages, operations, notices, rollups restart identity cascade`,
  );
  clock.now = START;
  fed.clear();
  for (const [n, name] of ['marketing', 'news', 'old'].entries()) {
    await upsertPool(db.store, { name, overflow: 'warm-peers', calendar });
    await upsertAddress(
      db.store,
      { address: `198.51.100.${n + 8}`, pool: name, node: 'n', ehloName: 'a.example' },
      PROVIDERS.map((provider) => ({ provider, phase: 'warm', ceiling, normal: ceiling })),
    );
  }
  await upsertPool(db.store, { name: 'pmta', overflow: 'wait', calendar, upstream: ['127.0.0.1:25'] });
}

export async function begin(
  over: Partial<CutoverPlan> = {},
  front = 'marketing',
  from = 'old',
  to = front,
): Promise<void> {
  const id = `${front}/${clock.now}/${++operations}`;
  const plan = { ...PLAN, ...over };
  await tx(db.store, (client) =>
    insertCutover(
      client,
      {
        ...{ id, front, oldArm: from, newArm: to, scope: {}, plan, calendar, key: 'k', at: clock.now },
        ...{ operationId: `start-${operations}`, policyVersion: 'test' },
      },
      { actor: 'ada', reason: 'a test' },
    ),
  );
}

/** Shares of messages that meet an event, of each arm. */
export interface Rates {
  readonly deferred?: Partial<Record<Arm, number>>;
  readonly hard?: Partial<Record<Arm, number>>;
  readonly blocked?: Partial<Record<Arm, number>>;
}

const BASE = { deferred: 0.06, hard: 0.02, blocked: 0 };

export interface Mail {
  readonly front?: string;
  readonly stream?: Stream;
  readonly campaigns?: number;
  /** Messages of a campaign to a provider. */
  readonly messages?: number;
  readonly rates?: Rates;
  /** Only what the old arm hands on. */
  readonly upstream?: boolean;
}

/** A day's mail, divided as the split says now: campaigns two hours long, from four o'clock on. */
export async function mail(over: Mail = {}): Promise<void> {
  const { front = 'marketing', stream = 'marketing', campaigns = 3, messages = 500, rates = {} } = over;
  const window = windowOf(clock.now, calendar);
  const split = await readSplit(db.store, front);
  assert.ok(split);
  for (let campaign = 0; campaign < campaigns; campaign++)
    for (const provider of PROVIDERS) {
      const ours = Math.round((messages * pointsAt(split.thresholds, stream, provider)) / 100);
      for (const [arm, count] of [
        ['new', ours],
        ['old', messages - ours],
      ] as const) {
        const rate = (kind: keyof Rates) => rates[kind]?.[arm] ?? BASE[kind];
        await insertMail(db.store, {
          ...{ front, stream, provider, arm, count, campaign: `c${window.index}-${campaign}` },
          ...{
            at: window.start + (4 + 2 * campaign) * HOUR,
            hard: rate('hard'),
            deferred: rate('deferred'),
            blocked: rate('blocked'),
          },
          relayed: over.upstream === true && arm === 'old',
          apartMs: 1_000,
        });
      }
    }
}

/** Looks until the day is over. */
export async function looks(front = 'marketing'): Promise<void> {
  const end = windowOf(clock.now, calendar).end;
  for (let at = nextLook(clock.now, calendar, front); at < end; at = nextLook(clock.now, calendar, front)) {
    clock.now = at;
    if ((await look(front)) === null) break;
  }
  clock.now = end;
}

export function look(front = 'marketing') {
  return evaluateCutover(deps, { operationId: `look-${++operations}`, front });
}

/** A day: the first look sets its shares, then comes its mail, then the other looks. */
export async function day(over: Mail = {}, front = over.front ?? 'marketing'): Promise<void> {
  clock.now = nextLook(clock.now, calendar, front);
  await look(front);
  await mail(over);
  await looks(front);
}

export async function row(front = 'marketing') {
  const found = await cutoverOf(db.store, front);
  assert.ok(found);
  return found;
}

export async function decisions(front = 'marketing') {
  return cutoverDecisions(db.store, (await row(front)).id);
}

/** `event > phase rung` of every decision. */
export const told = async (front = 'marketing') =>
  (await decisions(front)).map((one) => `${one.event} > ${one.toPhase} ${one.toRung}`);

export async function points(provider = 'google', stream: Stream = 'marketing', front = 'marketing'): Promise<number> {
  const split = await readSplit(db.store, front);
  return split === undefined ? Number.NaN : pointsAt(split.thresholds, stream, provider);
}

export function order(verb: CutoverCommand['verb'], over: Partial<CutoverCommand> = {}, front = 'marketing') {
  return orderCutover(deps, {
    front,
    verb,
    actor: 'ada',
    reason: 'a test',
    operationId: `order-${++operations}`,
    ...over,
  });
}

/** Prepared: the baseline is there, and nobody compared the messages, which somebody has accepted. */
export async function prepared(over: Partial<CutoverPlan> = {}, mailing: Mail = {}, from = 'old'): Promise<void> {
  await begin(over, mailing.front ?? 'marketing', from);
  await notCompared(mailing.front);
  await day(mailing);
}

export async function notCompared(front = 'marketing'): Promise<void> {
  const { probeCutover } = await import('../../activities/cutover/probes.ts');
  await probeCutover(deps, { front });
  await order('accept-differences', { names: ['not-compared'] }, front);
}
