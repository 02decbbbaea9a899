/** A plan in words: what it is, where it is from, its rows, and what is wrong with it. */

import { DEFAULTS } from '../../policy/defaults.ts';
import { type GrowthCap, growthProblems, growthText, lengthenedRows, type Plan, rowOf } from '../../policy/plan.ts';
import { table } from '../terminal/table.ts';
import { chartOf } from './chart.ts';
import { describeGates } from './describe-gates.ts';

const MODES: Readonly<Record<Plan['advance'], string>> = {
  gated: `gated: after a day that used ${DEFAULTS.minUtilisation * 100}% of its ceiling, if its gates pass`,
  calendar: 'calendar: every day, if its gates pass',
  'send-days': 'send-days: after every day with mail, if its gates pass',
  'volume-stage': 'volume-stage: when all of its stage was sent, if its gates pass',
};

function modeText({ advance, stageShare }: Plan): string {
  if (advance !== 'volume-stage' || stageShare === undefined) return MODES[advance];
  return MODES[advance].replace('all', `${stageShare * 100}%`);
}

/** Lines of a plan: head, a table of its rows, and the chart of one of them (`provider`, or the default row). */
export function describePlan(plan: Plan, provider = 'default'): string[] {
  const rows = Object.entries(plan.rows).map(([key, row]) => [
    key,
    String(row.length),
    (row[0]?.ceiling ?? 0).toLocaleString('en'),
    (row.at(-1)?.ceiling ?? 0).toLocaleString('en'),
  ]);
  return [
    `${plan.name}: ${plan.days} ${plan.days === 1 ? 'day' : 'days'}`,
    `source: ${plan.source}`,
    `advance: ${modeText(plan)}`,
    `growth cap: ${capText(plan.cap)}`,
    ...calendarLines(plan),
    ...(plan.notes ?? []).map((note) => `note: ${note}`),
    ...planWarnings(plan).map((warning) => `note: ${warning}`),
    '',
    ...table(['row', 'stages', 'first', 'last'], rows),
    '',
    ...describeGates(plan, provider),
    '',
    `row ${Object.hasOwn(plan.rows, provider) ? provider : `default (for ${provider})`}`,
    ...chartOf(rowOf(plan, provider)),
  ];
}

/** What is allowed and worth knowing: growth over the cap, rows that got longer. */
export function planWarnings(plan: Plan, providers?: readonly string[]): string[] {
  return [...growthProblems(plan, providers).map(growthText), ...lengthenedRows(plan)];
}

function capText(cap: GrowthCap = DEFAULTS.growthCap): string {
  return `×${cap.small} a stage, ×${cap.large} above ${DEFAULTS.largeLane.toLocaleString('en')} a day`;
}

function calendarLines({ calendar }: Plan): string[] {
  if (calendar === undefined) return [];
  const { zone, sendDays, sendHours } = calendar;
  const parts = [
    zone,
    sendDays === undefined ? undefined : `weekdays ${sendDays.join(' ')}`,
    sendHours === undefined ? undefined : `${sendHours.from} to ${sendHours.to} h`,
  ];
  return [`days: ${parts.filter((part) => part !== undefined).join(', ')}`];
}
