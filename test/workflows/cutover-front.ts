/** A front with two warm arms in a running system, and its mail: divided as the split says, a batch every 100 ms. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { windowOf } from '../../policy/calendar.ts';
import { CUTOVER_PLAN, type CutoverPlan } from '../../policy/cutover/plan.ts';
import type { Arm } from '../../policy/cutover/split.ts';
import { pointsAt } from '../../policy/cutover/thresholds.ts';
import { type Store, tx } from '../../store/connect.ts';
import {
  acceptDifferences,
  type CutoverRow,
  cutoverDecisions,
  cutoverOf,
  insertCutover,
} from '../../store/cutovers.ts';
import { upsertAddress } from '../../store/lanes.ts';
import { poolRows, upsertPool } from '../../store/pools.ts';
import { readSplit } from '../../store/splits.ts';
import { insertMail } from '../activities/cutover-mail.ts';
import { PROVIDERS, until } from './system.ts';

/** A step takes some compressed days, and a busy machine makes them longer. */
const LONG_MS = 180_000;
const EVERY_MS = 100;
const BATCH = 40;

/** Two steps and a day of watching. */
export const PLAN: CutoverPlan = {
  ...CUTOVER_PLAN,
  ...{ steps: [20, 50, 100], transactionalSteps: [], uncapped: true, minCampaigns: 2, lagHours: 24, coolDownHours: 6 },
  ...{ watchDays: 1, baseline: { hours: 6, messages: 1_000_000 }, floor: { perDay: 10, mostShare: 0.1 } },
};

/** Pools with an address each on the system's calendar. */
export async function addPools(store: Store, names: readonly string[]): Promise<void> {
  const calendar = (await poolRows(store)).find(({ name }) => name === 'marketing')?.calendar;
  if (calendar === undefined) throw new Error('the system has no calendar');
  for (const name of names) {
    const { rows } = await store.query('select count(*)::int as n from addresses');
    await upsertPool(store, { name, overflow: 'wait', calendar });
    const address = `203.0.113.${rows[0].n + 1}`;
    const lane = { phase: 'warm', ceiling: 1_000_000, normal: 1_000_000 } as const;
    await upsertAddress(
      store,
      { address, pool: name, node: 'test', ehloName: 'a.example' },
      PROVIDERS.map((provider) => ({ provider, ...lane })),
    );
    // Nobody feeds their lanes: they must not be idle after seven short days.
    await store.query(`update lanes set last_sent_at = now() + interval '1 day' where address = $1`, [address]);
  }
}

export async function startCutover(
  store: Store,
  front: string,
  oldArm: string,
  plan: CutoverPlan = PLAN,
  newArm: string = front,
): Promise<void> {
  const calendar = (await poolRows(store)).find(({ name }) => name === front)?.calendar;
  if (calendar === undefined) throw new Error(`no pool ${front}`);
  const at = Date.now();
  const id = `${front}/${new Date(at).toISOString()}`;
  const start = {
    id,
    front,
    oldArm,
    newArm,
    scope: {},
    plan,
    calendar,
    key: randomBytes(8).toString('hex'),
    at,
  };
  await tx(store, async (db) => {
    await insertCutover(db, { ...start, operationId: id, policyVersion: 'test' }, { actor: 'ada', reason: 'a test' });
    await acceptDifferences(db, id, ['not-compared'], { actor: 'ada', reason: 'a test', at });
  });
}

export interface FrontMail {
  /** Share of the new arm's messages that are blocked. */
  blocked: number;
  hard: number;
  stop(): Promise<void>;
}

export function startFrontMail(store: Store, fronts: readonly string[]): FrontMail {
  let stopped = false;
  const mail: FrontMail = { blocked: 0, hard: 0.04, stop: async () => {} };
  const running = (async () => {
    while (!stopped) {
      for (const front of fronts) await send(store, front, mail);
      await sleep(EVERY_MS);
    }
  })();
  mail.stop = async () => {
    stopped = true;
    await running;
  };
  return mail;
}

const owed = new Map<string, number>();

async function send(store: Store, front: string, mail: FrontMail): Promise<void> {
  const split = await readSplit(store, front);
  const row = await cutoverOf(store, front);
  if (split === undefined || row === undefined || row.endedAt !== null) return;
  const at = Date.now();
  const window = windowOf(at, row.calendar);
  const third = Math.floor((3 * (at - window.start)) / (window.end - window.start));
  const batch = { front, stream: 'marketing', campaign: `c${window.index}-${third}`, at, apartMs: 0 };
  for (const provider of PROVIDERS) {
    // Parts of a message are owed, so that small shares and rare events come out right over time.
    const parts = (key: string, amount: number) => {
      const all = amount + (owed.get(`${front} ${provider} ${key}`) ?? 0);
      owed.set(`${front} ${provider} ${key}`, all - Math.floor(all));
      return Math.floor(all);
    };
    const ours = parts('share', (BATCH * pointsAt(split.thresholds, 'marketing', provider)) / 100);
    for (const [arm, count] of [
      ['new', ours],
      ['old', BATCH - ours],
    ] as const satisfies readonly [Arm, number][]) {
      const share = (kind: string, rate: number) =>
        count === 0 ? 0 : Math.min(count, parts(`${arm} ${kind}`, count * rate)) / count;
      await insertMail(store, {
        ...{ ...batch, provider, arm, count, hard: share('hard', arm === 'new' ? mail.hard : 0.04) },
        ...{ deferred: share('deferred', 0.08), blocked: share('blocked', arm === 'new' ? mail.blocked : 0) },
      });
    }
  }
}

export async function cutoverNow(store: Store, front: string): Promise<CutoverRow> {
  const row = await cutoverOf(store, front);
  if (row === undefined) throw new Error(`${front} has no cutover`);
  return row;
}

export const reaches = (store: Store, front: string, phase: string, rung?: number) =>
  until(
    `${front} ${phase} ${rung ?? ''}`,
    async () => {
      const row = await cutoverOf(store, front);
      return row !== undefined && row.phase === phase && (rung === undefined || row.rung === rung) && row;
    },
    LONG_MS,
  );

/** What must be true of any history: a chain without gaps, one decision an operation, raised by passes or a person only. */
export async function checkCutover(store: Store, front: string): Promise<string[]> {
  const rows = await cutoverDecisions(store, (await cutoverNow(store, front)).id);
  const problems: string[] = [];
  for (const [at, row] of rows.entries()) {
    const before = rows[at - 1];
    if (before !== undefined && (before.toRung !== row.fromRung || before.toPhase !== row.fromPhase))
      problems.push(`decision ${row.id} begins elsewhere than ${before.id} ended`);
    if (rows.some((other) => other !== row && other.operationId === row.operationId))
      problems.push(`${row.operationId} decided twice`);
    if (row.toRung <= row.fromRung || row.actor !== 'rampart' || row.fromRung < 0) continue;
    const { judgements } = row.evidence as { judgements: { metric: string; verdict: string }[] };
    for (const metric of ['deferral', 'hard-bounce'])
      if (judgements.find((one) => one.metric === metric)?.verdict !== 'pass')
        problems.push(`raised without a pass of ${metric}`);
  }
  return problems;
}
