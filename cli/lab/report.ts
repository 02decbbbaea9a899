/** How a lab run ends: ground truth against decisions, as JSON and as tables. docs/scenarios.md says what each field means. */

import path from 'node:path';
import { type Exposure, exposure } from '../../lab/exposure.ts';
import type { EventLine, ReceivedLine } from '../../lab/records.ts';
import type { Scenario } from '../../lab/scenario.ts';
import { messagesOfDay } from '../../lab/traffic.ts';
import { type Trouble, troublesOf } from '../../lab/truth.ts';
import { lines } from '../demo/facts.ts';
import type { Played } from '../demo/play.ts';
import { newcomers, WARM } from '../demo/setting.ts';
import type { Condition } from '../demo/verdict.ts';
import { table } from '../terminal/table.ts';
import { compare, type FalseReaction } from './compare.ts';
import { type Reaction, reactionsOf } from './reactions.ts';

export interface LabReport {
  readonly scenario: {
    readonly name: string;
    readonly seed: number;
    readonly days: number;
    readonly dayLengthMs: number;
  };
  readonly addresses: { readonly cold: readonly string[]; readonly warm: string };
  readonly seconds: number;
  /** The promises that hold in any world; the exit code is theirs. */
  readonly passed: boolean;
  readonly promises: readonly Condition[];
  /** Messages the application had to hand in, and those it did: far fewer mean that the machine is too slow for the day. */
  readonly demand: { readonly planned: number; readonly injected: number };
  /** Days of a lane that ended without an evaluation: any say that the machine is too slow for the day's length. */
  readonly missed: number;
  readonly troubles: readonly TroubleRow[];
  readonly falseReactions: readonly FalseRow[];
  readonly lanes: readonly {
    readonly address: string;
    readonly provider: string;
    readonly phase: string;
    readonly stage: number;
    readonly ceiling: number;
  }[];
  readonly summary: {
    /** Troubles that call for something. */
    readonly troubles: number;
    readonly answered: number;
    readonly delayHoursMedian: number | null;
    readonly harmed: number;
    readonly falseReactions: number;
  };
}

export interface TroubleRow {
  /** The address that was warmed up and met it. */
  readonly address: string;
  readonly provider: string;
  readonly cause: string;
  readonly detail: string;
  readonly calls: Trouble['calls'];
  /** Days of the world, from 0, with their fraction; null: still so at the end. */
  readonly fromDay: number;
  readonly toDay: number | null;
  readonly reaction: ReactionRow | null;
  /** Plan hours from the trouble's beginning to the reaction. */
  readonly delayHours: number | null;
  /** Recipients tried on the lane before the reaction (without one: while the trouble lasted), and those that were hurt. */
  readonly sent: number;
  readonly harmed: number;
}

export interface ReactionRow {
  readonly kind: string;
  readonly day: number;
  readonly reason: string;
}

export interface FalseRow extends ReactionRow {
  readonly address: string;
  readonly provider: string;
  /** What was wrong meanwhile and called for less. */
  readonly during: readonly string[];
  /** The last trouble of the lane that was over by then, and plan hours since. */
  readonly after: { readonly cause: string; readonly hours: number } | null;
}

export async function labReport(played: Played, dayLength: number, promises: readonly Condition[]): Promise<LabReport> {
  const { scenario, labDir, facts, epoch, seconds } = played;
  const events = await lines<EventLine>(path.join(labDir, 'events.jsonl'));
  const received = await lines<ReceivedLine>(path.join(labDir, 'received.jsonl'));
  const cold = newcomers(scenario).map(({ ip }) => ip);
  const dayOf = (t: number) => Math.round(((t - epoch) / dayLength) * 100) / 100;
  const each = cold.map((address) => {
    const record = { address, events, received, injected: facts.injected };
    const reactions = reactionsOf({
      address,
      providers: scenario.providers.map((one) => one.key),
      decisions: facts.decisions,
      holds: facts.holds,
    });
    const complaintHours = scenario.readers.complaintDelay.untilHours;
    const compared = compare(troublesOf({ scenario, dayLength, ...record }), reactions, { dayLength, complaintHours });
    return {
      troubles: compared.troubles.map(({ trouble, reaction, delayHours }): TroubleRow => {
        const met = exposure(record, trouble, Math.max(trouble.from, reaction?.at ?? trouble.to));
        return { address, ...troubleRow(trouble, reaction, delayHours, met, dayOf) };
      }),
      wrong: compared.falseReactions.map((one): FalseRow => ({ address, ...falseRow(one, dayOf) })),
    };
  });
  const troubles = each.flatMap((one) => one.troubles);
  const falseReactions = each.flatMap((one) => one.wrong);
  const { name, seed, days } = scenario;
  return {
    scenario: { name, seed, days, dayLengthMs: dayLength },
    addresses: { cold, warm: WARM.ip },
    seconds,
    passed: promises.every((one) => one.holds),
    promises,
    demand: demandOf(scenario, facts.injected.length),
    missed: facts.decisions.filter(({ reason }) => reason.startsWith('orchestrator-absent')).length,
    troubles,
    falseReactions,
    lanes: facts.lanes
      .filter((lane) => cold.includes(lane.address))
      .map(({ address, provider, phase, stage, ceiling }) => ({ address, provider, phase, stage, ceiling })),
    summary: summaryOf(troubles, falseReactions),
  };
}

function troubleRow(
  trouble: Trouble,
  reaction: Reaction | null,
  delay: number | null,
  met: Exposure,
  dayOf: (t: number) => number,
): Omit<TroubleRow, 'address'> {
  const { provider, cause, detail, calls, from, to } = trouble;
  return {
    provider,
    cause,
    detail,
    calls,
    fromDay: dayOf(from),
    toDay: Number.isFinite(to) ? dayOf(to) : null,
    reaction: reaction && { kind: reaction.kind, day: dayOf(reaction.at), reason: reaction.reason },
    delayHours: delay === null ? null : Math.round(delay * 10) / 10,
    ...met,
  };
}

function falseRow({ reaction, during, after }: FalseReaction, dayOf: (t: number) => number): Omit<FalseRow, 'address'> {
  const { provider, kind, at, reason } = reaction;
  const past = after && { cause: after.cause, hours: Math.round(after.hours * 10) / 10 };
  return { provider, kind, day: dayOf(at), reason, during, after: past };
}

function demandOf(scenario: Scenario, injected: number): LabReport['demand'] {
  const planned = Array.from({ length: scenario.days }, (_, day) => messagesOfDay(scenario, day).length);
  return { planned: planned.reduce((sum, one) => sum + one, 0), injected };
}

function summaryOf(troubles: readonly TroubleRow[], wrong: readonly FalseRow[]): LabReport['summary'] {
  const calling = troubles.filter((one) => one.calls !== 'nothing');
  const delays = calling.flatMap((one) => (one.delayHours === null ? [] : [one.delayHours])).sort((a, b) => a - b);
  return {
    troubles: calling.length,
    answered: delays.length,
    delayHoursMedian: delays[Math.floor(delays.length / 2)] ?? null,
    harmed: calling.reduce((sum, one) => sum + one.harmed, 0),
    falseReactions: wrong.length,
  };
}

const TROUBLE_COLUMNS = [
  'provider',
  'what was wrong',
  'days',
  'calls for',
  'what Rampart did',
  'after',
  'sent',
  'hurt',
];

const ENOUGH = 0.9;

export function printLabReport(report: LabReport): string[] {
  const { troubles, falseReactions, summary, scenario, demand } = report;
  const { cold } = report.addresses;
  const named = <T extends { readonly address: string }>(one: T, cells: readonly string[]) =>
    cold.length === 1 ? [...cells] : [one.address, ...cells];
  const column = { address: 'address' };
  const { planned, injected } = demand;
  return [
    '',
    `What was wrong for ${cold.join(', ')}, and what Rampart did about it (sent, hurt: recipients before that)`,
    ...table(
      named(column, TROUBLE_COLUMNS),
      troubles.map((one) => named(one, troubleCells(one))),
    ),
    ...(troubles.length === 0 ? ['nothing was wrong'] : []),
    '',
    'Stops and retreats for which there was no reason',
    ...(falseReactions.length === 0
      ? ['none']
      : table(
          named(column, ['provider', 'day', 'what', 'during', 'after', 'why']),
          falseReactions.map((one) => named(one, falseCells(one))),
        )),
    '',
    'Lanes at the end',
    ...table(
      named(column, ['provider', 'phase', 'stage', 'ceiling']),
      report.lanes.map((lane) =>
        named(lane, [lane.provider, lane.phase, String(lane.stage + 1), String(lane.ceiling)]),
      ),
    ),
    '',
    ...report.promises.map((one) => `${one.holds ? ' ok ' : 'FAIL'}  ${one.name} (${one.detail})`),
    '',
    `${summary.answered} of ${summary.troubles} troubles answered, ${summary.harmed} recipients hurt before; ${summary.falseReactions} without a reason`,
    ...(injected < ENOUGH * planned
      ? [
          `only ${injected} of ${planned} messages were handed in: the machine is too slow for this, try a longer --day-length`,
        ]
      : []),
    ...(report.missed > 0
      ? [
          `${report.missed} days of lanes ended without an evaluation: the machine was too slow, try a longer --day-length`,
        ]
      : []),
    `${scenario.days} days in ${report.seconds} s, scenario ${scenario.name}, seed ${scenario.seed}`,
  ];
}

function troubleCells(row: TroubleRow): string[] {
  return [
    row.provider,
    row.detail === '' ? row.cause : `${row.cause}: ${row.detail}`,
    `${row.fromDay}-${row.toDay ?? ''}`,
    row.calls,
    row.reaction === null ? '-' : `${row.reaction.kind}, day ${row.reaction.day}`,
    row.delayHours === null ? '-' : `${row.delayHours} h`,
    String(row.sent),
    String(row.harmed),
  ];
}

function falseCells(row: FalseRow): string[] {
  const after = row.after === null ? '-' : `${row.after.cause}, ${row.after.hours} h`;
  return [row.provider, String(row.day), row.kind, row.during.join(', ') || '-', after, row.reason];
}
