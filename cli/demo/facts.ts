/** Gathers what the verdict needs: the lab's journals, and what Rampart allowed, decided and still holds. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GrantRow, type Judgement, judge } from '../../lab/judge.ts';
import type { InjectedLine, ReceivedLine } from '../../lab/records.ts';
import { laneTarget } from '../../policy/holds.ts';
import type { Plan } from '../../policy/plan.ts';
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

const JOURNAL_MS = 1_000;

/** A hold that was in force at some time of the run. */
export type HoldFact = Awaited<ReturnType<typeof holdsSince>>[number];

export interface Facts {
  readonly judgement: Judgement;
  readonly injected: readonly InjectedLine[];
  readonly decisions: readonly DecisionRow[];
  readonly grants: readonly GrantFact[];
  readonly lanes: readonly LaneRow[];
  readonly stretches: readonly (Stretch & { readonly address: string })[];
  readonly holds: readonly HoldFact[];
  readonly inDoubt: number;
  readonly waiting: readonly Waiting[];
  readonly bounced: number;
  readonly expired: number;
  readonly probes: number;
  /** 95th percentile of the time in the queue, in plan days. */
  readonly queueDaysP95: number | null;
}

/** `cold`: the addresses that were warmed up. */
export async function gather(store: Store, labDir: string, cold: readonly string[], dayLength: number): Promise<Facts> {
  // Before what providers wrote down: mail that is delivered between the two reads is then in both, and not in neither.
  const ends = await fates(store);
  // The lab's journal is on disk a fifth of a second after an answer, on a busy machine later: what was delivered a moment
  // ago would be in neither.
  await sleep(JOURNAL_MS);
  const received = await lines<ReceivedLine>(path.join(labDir, 'received.jsonl'));
  const injected = await lines<InjectedLine>(path.join(labDir, 'injected.jsonl'));
  const grants = await allGrants(store);
  const probes = await probeMessageIds(store);
  const judgement = judge({
    received,
    injected,
    grants: grants.map((grant) => judged(grant, cold)),
    ...ends,
    probes,
  });
  const decisions: DecisionRow[] = [];
  const plans = new Map<string, Plan>();
  for (const address of cold) {
    decisions.push(...(await decisionsOf(store, address)));
    const ramp = await rampOf(store, address);
    if (ramp !== undefined) plans.set(address, ramp.plan);
  }
  const holds = await holdsSince(store, 0);
  const lanes = await allLanes(store);
  const p95 = await queueTimeP95(store);
  return {
    judgement,
    injected,
    decisions,
    grants: grants.map((grant) => {
      const own = decisions.filter(({ address }) => address === grant.address);
      return granted(grant, plans.get(grant.address), own);
    }),
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

function judged(grant: GrantHistory, cold: readonly string[]): GrantRow {
  const { address, provider, windowIndex, start, end, peakUnits, planUnits } = grant;
  return {
    address,
    provider,
    windowIndex,
    start,
    end,
    units: peakUnits,
    planCeiling: planUnits,
    cold: cold.includes(address),
  };
}

function stretches(all: readonly LaneRow[], holds: readonly HoldFact[], cold: readonly string[]): Facts['stretches'] {
  const lanes = all.filter((lane) => cold.includes(lane.address));
  return lanes.flatMap((lane) =>
    holds
      .filter((hold) => hold.scope === 'lane' && hold.target === laneTarget(lane.address, lane.provider))
      .map((hold) => ({
        address: lane.address,
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
