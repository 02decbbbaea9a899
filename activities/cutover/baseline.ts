/** What both arms were like before anything moved: kept with the cutover, and not changed any more once it has begun. */
import { windowAt } from '../../policy/calendar.ts';
import type { ArmHour } from '../../policy/cutover/evidence.ts';
import type { Queryable } from '../../store/connect.ts';
import { cutoverProbes } from '../../store/cutover-probes.ts';
import type { CutoverRow } from '../../store/cutovers.ts';
import { poolFailures } from '../../store/measures.ts';
import type { Situation } from './shares.ts';

const WEEK = 7;

export interface BaselineRates {
  readonly provider: string;
  readonly messages: number;
  /** Whose outcome is known. */
  readonly told: number;
  readonly deferred: number;
  readonly hard: number;
  readonly blocked: number;
  readonly complaints: number;
}

export interface Baseline {
  readonly at: number;
  /** Messages of the front seen since the cutover prepares. */
  readonly messages: number;
  /** Busiest day, by provider and stream. */
  readonly volumes: readonly {
    readonly provider: string;
    readonly marketing: number;
    readonly transactional: number;
  }[];
  readonly old: readonly BaselineRates[];
  /** The new arm's own mail of the last week, whatever it was. */
  readonly new: readonly {
    readonly provider: string;
    readonly attempts: number;
    readonly hard: number;
    readonly blocked: number;
  }[];
  /** Where the two compared messages landed; null: no seed was looked into. */
  readonly placement: { readonly old: string | null; readonly new: string | null } | null;
}

export async function baselineOf(
  db: Queryable,
  row: CutoverRow,
  of: Situation,
  rows: readonly ArmHour[],
  now: number,
): Promise<Baseline> {
  const since = windowAt(of.window.index - WEEK, row.calendar).start;
  const probes = (await cutoverProbes(db, row.id, row.startedAt)).filter((probe) => probe.rung < 0);
  const landed = (arm: 'old' | 'new') => probes.findLast((probe) => probe.arm === arm)?.placement ?? null;
  return {
    ...{ at: now, messages: of.seen },
    volumes: of.providers.map((provider) => ({
      provider,
      marketing: of.forecast(provider, 'marketing'),
      transactional: of.forecast(provider, 'transactional'),
    })),
    old: rates(rows.filter((one) => one.arm === 'old')),
    new: await poolFailures(db, row.newArm, since),
    placement: probes.length === 0 ? null : { old: landed('old'), new: landed('new') },
  };
}

function rates(rows: readonly ArmHour[]): BaselineRates[] {
  return [...Map.groupBy(rows, (row) => row.provider)].map(([provider, own]) => {
    const sum = (pick: (row: ArmHour) => number) => own.reduce((all, row) => all + pick(row), 0);
    return {
      ...{ provider, messages: sum((row) => row.messages), told: sum((row) => row.told) },
      ...{ deferred: sum((row) => row.deferred), hard: sum((row) => row.hard), blocked: sum((row) => row.blocked) },
      complaints: sum((row) => row.complaints),
    };
  });
}
