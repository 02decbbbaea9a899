/** The demo's live screen: the day, every lane of the cold address, the last decision, a bar. */
import { type Calendar, windowOf } from '../../policy/calendar.ts';
import type { Judgement } from '../../policy/evidence.ts';
import { laneTarget } from '../../policy/holds.ts';
import { type Plan, stageCount } from '../../policy/plan.ts';
import type { Store } from '../../store/connect.ts';
import { type DecisionRow, lastDecisions } from '../../store/decisions.ts';
import { grantsAround } from '../../store/grants.ts';
import { liveHolds } from '../../store/holds.ts';
import { lanesOf } from '../../store/lanes.ts';
import { placementSummary } from '../../store/probes.ts';
import { progressBar, table } from '../terminal/table.ts';

export interface ScreenInput {
  readonly store: Store;
  readonly cold: string;
  readonly calendar: Calendar;
  readonly firstWindow: number;
  readonly plan: Plan;
  readonly days: number;
}

export async function screen(input: ScreenInput): Promise<string[]> {
  const { store, cold, calendar, plan } = input;
  const now = Date.now();
  const window = windowOf(now, calendar);
  const day = window.index - input.firstWindow + 1;
  const lanes = await lanesOf(store, cold);
  const decisions = new Map((await lastDecisions(store, cold)).map((row) => [row.provider, row]));
  const placements = new Map((await placementSummary(store, cold)).map((row) => [row.provider, row]));
  const holds = await liveHolds(store);
  const rows = [];
  let done = 0;
  for (const lane of lanes) {
    const [grant] = await grantsAround(store, cold, lane.provider, window.index, 0);
    const stages = stageCount(plan, lane.provider);
    const hold = holds.find((one) => one.scope === 'lane' && one.target === laneTarget(cold, lane.provider));
    const seen = placements.get(lane.provider);
    done += lane.phase === 'warm' ? 1 : Math.min(lane.stage, stages) / (stages + 2);
    rows.push([
      lane.provider,
      lane.phase,
      lane.phase === 'warm' ? 'done' : `${lane.stage + 1}/${stages}`,
      grant === undefined ? '-' : `${grant.handed}/${grant.units}`,
      seen === undefined ? '-' : `${seen.inbox} inbox ${seen.spam} spam`,
      hold === undefined ? verdictOf(decisions.get(lane.provider)) : 'fail',
      hold === undefined ? said(decisions.get(lane.provider), window.index) : `HELD ${hold.reason}`,
    ]);
  }
  const campaigns = holds
    .filter((hold) => hold.scope === 'campaign')
    .map((hold) => `campaign ${hold.target} suspended: ${hold.reason}`);
  return [
    `day ${day}   warming ${cold} in pool marketing, plan ${plan.name}, ${input.days} days`,
    '',
    ...table(['provider', 'phase', 'stage', 'sent/ceiling', 'placement', 'verdict', 'last decision'], rows),
    '',
    ...campaigns,
    progressBar(lanes.length === 0 ? 0 : done / lanes.length, 60),
  ];
}

/** The worst verdict behind the last decision, and the metric it is about. */
function verdictOf(decision: DecisionRow | undefined): string {
  if (decision === undefined || decision.kind === 'start') return '-';
  if (decision.kind === 'step-back' || decision.kind === 'quarantine') return 'fail';
  const judgements = (decision.evidence as readonly Judgement[]).filter(
    (judged) => judged.metric !== 'placement' || judged.verdict === 'fail',
  );
  for (const verdict of ['fail', 'stale', 'insufficient'] as const) {
    const found = judgements.find((judged) => judged.verdict === verdict);
    if (found !== undefined) return `${verdict} ${found.metric}`;
  }
  return judgements.length === 0 ? '-' : 'pass';
}

function said(decision: DecisionRow | undefined, window: number): string {
  if (decision === undefined) return '';
  const ago = window - decision.window;
  const when = ago <= 0 ? 'today' : ago === 1 ? 'yesterday' : `${ago} days ago`;
  return `${decision.kind} ${when}: ${decision.reason}`;
}
