/** The status as lines for people. Pure. */
import type { Style } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { ago, clock } from '../terminal/time.ts';
import type { AddressStatus, LaneStatus } from './gather.ts';

const COLUMNS = ['provider', 'phase', 'stage', 'sent/ceiling', 'placement', 'what binds now', 'last decision'];

/** Lines for every address, one table each. */
export function renderStatus(addresses: readonly AddressStatus[], now: number, style: Style): string[] {
  return addresses.flatMap((one, index) => [...(index === 0 ? [] : ['']), ...renderAddress(one, now, style)]);
}

function renderAddress(one: AddressStatus, now: number, style: Style): string[] {
  const rows = one.lanes.map((lane) => [
    lane.provider,
    phaseText(lane, style),
    lane.stage === null ? '' : `${lane.stage.number} of ${lane.stage.of}`,
    `${lane.sent}/${lane.ceiling}`,
    placementText(lane),
    bindingText(lane, one.zone),
    decisionText(lane, now),
  ]);
  const heading = [`pool ${one.pool}`, one.window, rampText(one, now)].filter(Boolean).join(', ');
  return [`${style.bold(one.address)}  ${heading}`, ...table(COLUMNS, rows)];
}

function rampText({ ramp }: AddressStatus, now: number): string {
  if (ramp === null) return '';
  const { plan, startedAt, startedBy, endedAt, outcome } = ramp;
  if (endedAt !== null) return `plan ${plan}, ${outcome} ${ago(endedAt, now)}`;
  return `plan ${plan}, started ${ago(startedAt, now)} by ${startedBy}`;
}

function phaseText(lane: LaneStatus, style: Style): string {
  const text = lane.pauseReasons.length === 0 ? lane.phase : `${lane.phase} (${lane.pauseReasons.join(', ')})`;
  if (lane.phase === 'quarantined' || lane.phase === 'stepped-back') return style.bad(text);
  if (lane.phase === 'warm') return style.good(text);
  return lane.phase === 'planned' ? style.dim(text) : text;
}

function placementText({ placement }: LaneStatus): string {
  if (placement === null) return '';
  const { inbox, spam, unobserved } = placement;
  const seen = inbox + spam;
  const unseen = unobserved > 0 ? `${unobserved} unobserved` : '';
  return [seen > 0 ? `${inbox} of ${seen} inbox` : '', unseen].filter(Boolean).join(', ');
}

function decisionText({ lastDecision }: LaneStatus, now: number): string {
  if (lastDecision === null) return '';
  const { kind, reason, at } = lastDecision;
  return `${kind} ${ago(at, now)}: ${reason}`;
}

function bindingText({ binds }: LaneStatus, zone: string): string {
  return binds.nextAt === null ? binds.says : `${binds.says}, next unit at ${clock(binds.nextAt, zone)}`;
}
