/** A ramp's report as lines for people. Pure. */
import type { LaneReport, RampReport } from '../../store/ramp-report.ts';
import type { Style } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { stamp } from '../terminal/time.ts';

const MAIL = ['provider', 'delivered', 'bounced', 'blocked', 'expired', 'deferrals', 'complaints', 'late bounces'];
const LANES = ['provider', 'phase', 'stage', 'a day', 'advances', 'holds', 'by people', 'placement'];

/** `zone`: of the ramp's days. */
export function reportLines(report: RampReport, zone: string, style: Style): string[] {
  const { address, pool, plan, startedAt, startedBy, endedAt, outcome, days, lanes, retreats } = report;
  const end =
    endedAt === null ? 'running' : `${outcome === 'aborted' ? 'aborted' : 'complete'} ${stamp(endedAt, zone)}`;
  // Its end is no retreat of a lane: it is told once.
  const aborted = retreats.find(({ kind }) => kind === 'abort');
  const back = retreats.filter(({ kind }) => kind !== 'abort');
  return [
    `${style.bold(address)}  pool ${pool}, plan ${plan}, started ${stamp(startedAt, zone)} by ${startedBy}, ${end}: ${days} ${days === 1 ? 'day' : 'days'}`,
    '',
    ...table(LANES, lanes.map(laneRow)),
    '',
    ...table(MAIL, lanes.map(mailRow)),
    '',
    ...(back.length === 0 ? ['no retreats'] : [`retreats: ${back.length}`]),
    ...back.map(
      ({ at, provider, kind, from, to, actor, reason }) =>
        `  ${stamp(at, zone)}  ${provider} ${kind}, stage ${from} → ${to}, by ${actor}: ${reason}`,
    ),
    ...(aborted === undefined ? [] : [`aborted by ${aborted.actor}: ${aborted.reason}`]),
  ];
}

function laneRow(lane: LaneReport): string[] {
  const { provider, phase, stage, stages, ceiling, advances, holds, manual, placement } = lane;
  const { inbox, spam, missing, unobserved } = placement;
  const seen = inbox + spam + missing;
  const landed = seen === 0 ? 'not probed' : `${inbox} of ${seen} inbox`;
  const blind = unobserved === 0 ? '' : `, ${unobserved} unobserved`;
  return [provider, phase, `${stage} of ${stages}`, ...[ceiling, advances, holds, manual].map(String), landed + blind];
}

function mailRow({ provider, mail }: LaneReport): string[] {
  const { delivered, hard, soft, blocked, expired, deferrals, complaints, lateBounces } = mail;
  return [provider, ...[delivered, hard + soft, blocked, expired, deferrals, complaints, lateBounces].map(String)];
}
