/**
 * Starts a range: addresses that begin one after the other. All that is wrong is told at once and nothing is written; then
 * the range is one transaction of rows, and a workflow that walks them. The same command again finds its range by all it
 * said, and makes sure that the workflow runs: whatever was killed in between, it goes on from there.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { calendarOf, type Plan, stageOf } from '../../policy/plan.ts';
import { RANGE } from '../../policy/ranges/defaults.ts';
import { parseStagger, stagger } from '../../policy/ranges/stagger.ts';
import { type Store, tx } from '../../store/connect.ts';
import { type AddressRow, allLanes } from '../../store/lanes.ts';
import {
  AddressWaitsAlready,
  insertRange,
  type RangeAddressRow,
  type RangeRow,
  rangeAddresses,
  rangeByFingerprint,
  rangeRow,
} from '../../store/ranges.ts';
import type { By } from '../../temporal/contracts.ts';
import { type Answer, badInput, CliError, type Invocation, text } from '../command.ts';
import type { RunningInstance } from '../instance.ts';
import { keepPreflight, runPreflight, thisNode } from '../preflight/run.ts';
import { tellWorkflow } from '../temporal-command.ts';
import { drawFor } from './draw.ts';
import { startProblems } from './refusals.ts';
import { failures } from './render-preflight.ts';
import { rangeLines } from './render-range.ts';
import { lookUp } from './targets.ts';

const LIMIT_MS = 15_000;

export async function startRange(
  invocation: Invocation,
  store: Store,
  instance: RunningInstance,
  name: string,
  order: By,
): Promise<Answer> {
  const written = invocation.positionals[0] ?? '';
  const perDay = staggerOf(invocation);
  const { rows, notes, problems } = await lookUp(store, written, text(invocation, 'pool'));
  const pools = [...new Set(rows.map(({ pool }) => pool))];
  const [pool] = pools;
  if (text(invocation, 'pool') === undefined && pools.length > 1)
    problems.push(`these addresses are of several pools (${pools.join(', ')}): start one pool at a time`);
  if (pool === undefined) throw badInput(problems.join('\n'));
  const lanes = (await allLanes(store)).filter((lane) => rows.some(({ address }) => address === lane.address));
  const providers = [...new Set(lanes.map((lane) => lane.provider))];
  const plan = await drawFor(invocation, name, rows, providers);
  const said = [...problems, ...tooFast(plan, providers, perDay ?? rows.length)];
  const fromZero = invocation.options['from-zero'] === true;
  const fingerprint = fingerprintOf({ addresses: rows.map(({ address }) => address), pool, plan, perDay, fromZero });
  const there = problems.length > 0 ? undefined : await sameRange(store, fingerprint);
  if (there !== undefined) return answer(instance, store, there, { existing: true, notes });
  const found = rows.length === 0 ? [] : await runPreflight(invocation, store, pool, rows);
  const all = [...problems, ...(await startProblems(store, rows)), ...failures(found)];
  if (all.length > 0)
    throw badInput(
      [`nothing was started: ${all.length} ${all.length === 1 ? 'problem' : 'problems'}`, ...all].join('\n'),
    );
  const now = Date.now();
  const calendar = calendarOf(plan, (rows[0] as AddressRow).calendar);
  const due = stagger({ waiting: rows.map(({ address }) => address), perDay, begunToday: 0, now, calendar });
  const range = {
    id: `${pool}/${new Date(now).toISOString()}`,
    written,
    pool,
    plan,
    perDay,
    fromZero,
    ...who(order),
    fingerprint,
  };
  const node = await thisNode(invocation);
  try {
    await tx(store, async (db) => {
      const ids = await keepPreflight(db, found, node, order.actor);
      const addresses = due.map(({ address, at }) => ({ address, dueAt: at, preflight: ids.get(address) ?? null }));
      await insertRange(db, range, addresses);
    });
  } catch (error) {
    if (!(error instanceof AddressWaitsAlready)) throw error;
    throw badInput(`somebody else put one of these addresses into a range just now (${error.message}): try again`);
  }
  return answer(instance, store, range.id, { existing: false, notes: [...notes, ...said] });
}

function staggerOf(invocation: Invocation): number | null {
  const given = text(invocation, 'stagger');
  if (given === undefined) return null;
  const perDay = parseStagger(given);
  if (perDay === undefined) throw badInput(`--stagger is "${given}": write how many begin a day, such as 2/day`);
  return perDay;
}

function who({ actor, reason }: By) {
  return { actor, reason };
}

/** The same addresses, pool, plan, stagger and beginning: the same range. Who says it, and why, is no part of it. */
function fingerprintOf(of: {
  readonly addresses: readonly string[];
  readonly pool: string;
  readonly plan: Plan;
  readonly perDay: number | null;
  readonly fromZero: boolean;
}): string {
  const { fromZero, ...rest } = of;
  // Ranges of before this could be said have fingerprints without it.
  return createHash('sha256')
    .update(JSON.stringify(fromZero ? of : rest))
    .digest('hex');
}

/** A range that was asked for in these words, and is under way: somebody waits, or all of it runs. */
async function sameRange(store: Store, fingerprint: string): Promise<string | undefined> {
  const range = await rangeByFingerprint(store, fingerprint);
  if (range === undefined) return undefined;
  if (range.endedAt === null) return range.id;
  const rows = await rangeAddresses(store, range.id);
  return rows.every(({ state, running }) => state === 'started' && running) ? range.id : undefined;
}

/** Many beginners at once share the joint budget: that is no error, and they should know. */
function tooFast(plan: Plan, providers: readonly string[], atOnce: number): string[] {
  const first = Math.max(0, ...providers.map((provider) => stageOf(plan, provider, 0)?.ceiling ?? 0));
  if (first * atOnce <= Math.max(RANGE.jointFloor, first)) return [];
  return [
    `${atOnce} addresses of ${first} messages begin on one day: a pool's cold lanes begin with ${RANGE.jointFloor} a provider together (docs/ranges.md); a smaller --stagger wastes nothing`,
  ];
}

async function answer(
  instance: RunningInstance,
  store: Store,
  id: string,
  { existing, notes }: { readonly existing: boolean; readonly notes: readonly string[] },
): Promise<Answer> {
  const told = await tellWorkflow(instance, LIMIT_MS, async (temporal) => {
    await temporal.ensureRange(id);
    return { says: id, rampId: null };
  });
  if (told.outcome !== 'answered')
    throw new CliError(
      'no-answer',
      `the range is recorded and may not have begun (${told.message}): it begins with ./rampart up, or give this command again`,
    );
  const rows = await begun(store, id);
  const range = (await rangeRow(store, id)) as RangeRow;
  const failed = rows.filter(({ state }) => state === 'failed');
  return {
    json: {
      range: id,
      existing,
      pool: range.pool,
      perDay: range.perDay,
      fromZero: range.fromZero,
      plan: range.plan,
      notes,
      addresses: rows.map(({ preflight, ...row }) => ({ ...row, preflight: preflight?.id ?? null })),
    },
    lines: rangeLines(range, rows, existing, notes),
    ...(failed.length > 0 ? { exit: 1 as const } : {}),
  };
}

/** The rows when those that are due have begun, or as they are when that takes too long. */
async function begun(store: Store, id: string): Promise<RangeAddressRow[]> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const rows = await rangeAddresses(store, id);
    const late = rows.some(({ state, dueAt, says }) => state === 'waiting' && dueAt <= Date.now() && says === null);
    if (!late || performance.now() > deadline) return rows;
    await sleep(100);
  }
}
