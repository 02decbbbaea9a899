/** Gathers what the verdict needs: the lab's journals, and what Rampart allowed, decided and still holds. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type GrantRow, type Judgement, judge } from '../../lab/judge.ts';
import type { InjectedLine, ReceivedLine } from '../../lab/records.ts';
import { laneTarget } from '../../policy/holds.ts';
import { fates, queueTimeP95, type Waiting, waiting } from '../../store/accounts.ts';
import type { Store } from '../../store/connect.ts';
import { type DecisionRow, decisionsOf } from '../../store/decisions.ts';
import { allGrants, type GrantHistory } from '../../store/grants.ts';
import { holdsSince } from '../../store/holds.ts';
import { allLanes, type LaneRow, rampOf } from '../../store/lanes.ts';
import { probeMessageIds } from '../../store/probes.ts';
import { granted } from './granted.ts';
import type { Stretch } from './held.ts';
import type { GrantFact } from './verdict.ts';

/** A hold that was in force at some time of the run. */
export type HoldFact = Awaited<ReturnType<typeof holdsSince>>[number];

export interface Facts {
  readonly judgement: Judgement;
  readonly injected: readonly InjectedLine[];
  readonly decisions: readonly DecisionRow[];
  readonly grants: readonly GrantFact[];
  readonly lanes: readonly LaneRow[];
  readonly stretches: readonly Stretch[];
  readonly holds: readonly HoldFact[];
  readonly inDoubt: number;
  readonly waiting: readonly Waiting[];
  readonly bounced: number;
  readonly expired: number;
  readonly probes: number;
  /** 95th percentile of the time in the queue, in plan days. */
  readonly queueDaysP95: number | null;
}

export async function gather(store: Store, labDir: string, cold: string, dayLength: number): Promise<Facts> {
  const received = await lines<ReceivedLine>(path.join(labDir, 'received.jsonl'));
  const injected = await lines<InjectedLine>(path.join(labDir, 'injected.jsonl'));
  const grants = await allGrants(store);
  const ends = await fates(store);
  const ramp = await rampOf(store, cold);
  const probes = await probeMessageIds(store);
  const judgement = judge({
    received,
    injected,
    grants: grants.map((grant) => judged(grant, cold)),
    ...ends,
    probes,
  });
  const decisions = await decisionsOf(store, cold);
  const holds = await holdsSince(store, 0);
  const lanes = await allLanes(store);
  const p95 = await queueTimeP95(store);
  return {
    judgement,
    injected,
    decisions,
    grants: grants.map((grant) => granted(grant, ramp?.plan, decisions)),
    lanes,
    stretches: stretches(lanes, holds, cold),
    holds,
    inDoubt: ends.inDoubt,
    waiting: await waiting(store),
    bounced: ends.bounced.length,
    expired: ends.expired.length,
    probes: probes.length,
    queueDaysP95: p95 === null ? null : p95 / dayLength,
  };
}

function judged(grant: GrantHistory, cold: string): GrantRow {
  const { address, provider, windowIndex, start, end, peakUnits, planUnits } = grant;
  return {
    address,
    provider,
    windowIndex,
    start,
    end,
    units: peakUnits,
    planCeiling: planUnits,
    cold: address === cold,
  };
}

function stretches(all: readonly LaneRow[], holds: readonly HoldFact[], cold: string): Stretch[] {
  const lanes = all.filter((lane) => lane.address === cold);
  return lanes.flatMap((lane) =>
    holds
      .filter((hold) => hold.scope === 'lane' && hold.target === laneTarget(cold, lane.provider))
      .map((hold) => ({
        provider: lane.provider,
        from: hold.since,
        to: Math.min(hold.clearedAt ?? Number.POSITIVE_INFINITY, hold.until ?? Number.POSITIVE_INFINITY),
      })),
  );
}

/** The lines of one of the lab's journals. */
export async function lines<T>(file: string): Promise<T[]> {
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
