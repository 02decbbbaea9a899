/** The status as lines for people. Pure. */
import type { Style } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { ago, clock, stamp } from '../terminal/time.ts';
import type { AddressStatus, LaneStatus } from './gather.ts';

const COLUMNS = ['provider', 'phase', 'stage', 'sent/ceiling', 'placement', 'what binds now', 'last decision'];

/** Lines for every address, one table each. */
export function renderStatus(addresses: readonly AddressStatus[], now: number, style: Style): string[] {
  return addresses.flatMap((one, index) => [...(index === 0 ? [] : ['']), ...renderAddress(one, now, style)]);
}

function renderAddress(one: AddressStatus, now: number, style: Style): string[] {
  const alike = notBegun(one);
  if (alike !== undefined) {
    const heading = [`pool ${one.pool}`, rampText(one, now), style.dim(alike)].filter(Boolean).join(', ');
    return [`${style.bold(one.address)}  ${heading}`];
  }
  const rows = one.lanes.map((lane) => [
    lane.provider,
    phaseText(lane, one.zone, style),
    lane.stage === null ? '' : `${lane.stage.number} of ${lane.stage.of}`,
    `${lane.sent}/${lane.ceiling}`,
    placementText(lane),
    bindingText(lane, one.zone, now),
    decisionText(lane, now),
  ]);
  const heading = [`pool ${one.pool}`, one.window, rampText(one, now)].filter(Boolean).join(', ');
  return [`${style.bold(one.address)}  ${heading}`, ...table(COLUMNS, rows)];
}

/** What an address that has not begun waits for: a line, not a table of lanes that say the same. */
function notBegun({ lanes }: AddressStatus): string | undefined {
  const says = lanes[0]?.binds.says;
  const same = lanes.every((lane) => lane.phase === 'planned' && lane.sent === 0 && lane.binds.says === says);
  return same ? says : undefined;
}

function rampText({ ramp }: AddressStatus, now: number): string {
  if (ramp === null) return '';
  const { plan, startedAt, startedBy, endedAt, outcome } = ramp;
  if (endedAt !== null) return `plan ${plan}, ${outcome} ${ago(endedAt, now)}`;
  return `plan ${plan}, started ${ago(startedAt, now)} by ${startedBy}`;
}

function phaseText(lane: LaneStatus, zone: string, style: Style): string {
  const { pauseReasons, orders, phase } = lane;
  const until = (kind: string) => {
    const at = orders.find((order) => order.kind === kind)?.until;
    return at == null ? '' : ` until ${stamp(at, zone)}`;
  };
  const promoted = orders.some(({ kind }) => kind === 'promote') ? [`promoted${until('promote')}`] : [];
  const notes = [...pauseReasons.map((one) => (one === 'freeze' ? `freeze${until(one)}` : one)), ...promoted];
  const text = notes.length === 0 ? phase : `${phase} (${notes.join(', ')})`;
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

function bindingText({ binds: { says, nextAt } }: LaneStatus, zone: string, now: number): string {
  if (nextAt === null) return says;
  // Eight o'clock on Monday is not eight o'clock.
  const today = stamp(nextAt, zone).slice(0, 10) === stamp(now, zone).slice(0, 10);
  return `${says}, next unit ${today ? `at ${clock(nextAt, zone)}` : stamp(nextAt, zone)}`;
}
