/** What the demo prints at its end and leaves in report.json (docs/report.md says what each field means). */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { table } from '../terminal/table.ts';
import type { Facts } from './facts.ts';
import { HISTORY_COLUMNS, historyRows } from './history.ts';
import type { Condition } from './verdict.ts';

export interface Report {
  readonly scenario: {
    readonly name: string;
    readonly seed: number;
    readonly days: number;
    readonly dayLengthMs: number;
  };
  readonly cold: string;
  readonly warm: string;
  readonly firstWindow: number;
  /** Wall time of the whole run after set-up. */
  readonly seconds: number;
  readonly conditions: readonly Condition[];
  readonly facts: Facts;
}

/** Writes the report as a whole or not at all. */
export async function writeReport(file: string, report: Report): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.new`, `${JSON.stringify(asJson(report), null, 1)}\n`);
  await rename(`${file}.new`, file);
}

function asJson(report: Report) {
  const { facts } = report;
  const { judgement } = facts;
  return {
    scenario: report.scenario,
    addresses: { cold: report.cold, warm: report.warm },
    seconds: report.seconds,
    passed: report.conditions.every((condition) => condition.holds),
    conditions: report.conditions,
    decisions: facts.decisions.map((decision) => ({ ...decision, day: decision.window - report.firstWindow + 1 })),
    lanesAndWindows: judgement.perLaneWindow.map((window) => ({
      ...window,
      day: window.windowIndex - report.firstWindow + 1,
      plan: facts.grants.find((grant) => same(grant, window))?.planUnits ?? null,
    })),
    lanes: facts.lanes.map(({ address, provider, phase, stage, ceiling }) => ({
      address,
      provider,
      phase,
      stage,
      ceiling,
    })),
    totals: judgement.totals,
    duplicates: judgement.duplicates,
    lost: judgement.lost,
    overPairs: judgement.overPairs,
    ungranted: judgement.ungranted,
    messages: {
      injected: facts.injected.length,
      bounced: facts.bounced,
      expired: facts.expired,
      queued: facts.waiting.reduce((sum, one) => sum + one.messages, 0),
      inDoubt: facts.inDoubt,
    },
    waiting: facts.waiting,
    queueDaysP95: facts.queueDaysP95,
  };
}

interface Key {
  readonly address: string;
  readonly provider: string;
  readonly windowIndex: number;
}

function same(a: Key, b: Key): boolean {
  return a.address === b.address && a.provider === b.provider && a.windowIndex === b.windowIndex;
}

export function printReport(report: Report): string[] {
  const { facts } = report;
  return [
    '',
    'History: every decision with its evidence, runs of the same decision in one line',
    ...table(HISTORY_COLUMNS, historyRows(facts.decisions, report.firstWindow)),
    '',
    'What the providers received',
    ...table(
      ['provider', 'address', 'received', 'accepted', 'deferred', 'refused'],
      facts.judgement.totals
        .toSorted((a, b) => a.provider.localeCompare(b.provider) || a.address.localeCompare(b.address))
        .map((t) => [
          t.provider,
          `${t.address} ${t.address === report.cold ? 'cold' : 'warm'}`,
          ...[t.received, t.accepted, t.deferred, t.refused].map(String),
        ]),
    ),
    '',
    messagesLine(facts),
    '',
    ...waitingLines(facts),
    ...report.conditions.map((one) => `${one.holds ? ' ok ' : 'FAIL'}  ${one.name} (${one.detail})`),
    '',
    `${report.scenario.days} days in ${report.seconds} s, scenario ${report.scenario.name}, seed ${report.scenario.seed}`,
  ];
}

function messagesLine(facts: Facts): string {
  const accepted = facts.judgement.totals.reduce((sum, total) => sum + total.accepted, 0);
  const queued = facts.waiting.reduce((sum, one) => sum + one.messages, 0);
  return `${facts.injected.length} messages injected, ${facts.probes} probes sent; ${accepted} accepted by the providers, ${facts.bounced} bounced, ${facts.expired} expired, ${queued} queued`;
}

function waitingLines(facts: Facts): string[] {
  if (facts.waiting.length === 0) return [];
  return [
    'Still queued',
    ...table(
      ['provider', 'campaign', 'messages', 'why'],
      facts.waiting.map((one) => [one.provider ?? '-', one.campaign, String(one.messages), one.reason ?? 'held']),
    ),
    '',
  ];
}
