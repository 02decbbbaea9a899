/** Holds one lane's received recipients against its grants; judge.ts states the rules. */
import type { GrantRow } from './judge.ts';
import type { ReceivedLine } from './records.ts';

const GUARD_MS = 5_000;
const GUARD_SHARE = 0.02;

export interface LaneWindow {
  readonly address: string;
  readonly provider: string;
  readonly windowIndex: number;
  readonly start: number;
  readonly end: number;
  readonly grant: number;
  /** RCPT commands the lab answered in the window, by its clock. */
  readonly received: number;
  /** Recipients it accepted for good. */
  readonly accepted: number;
  /** Recipients above the grant, late ones charged to the window before as far as that has room; 0 is good. */
  readonly over: number;
}

/** Two adjacent windows that together got more than both grants. */
export interface OverPair {
  readonly address: string;
  readonly provider: string;
  readonly windowIndex: number;
  readonly grants: number;
  readonly received: number;
}

/** Recipients a cold lane reached while no window was open. */
export interface Ungranted {
  readonly address: string;
  readonly provider: string;
  readonly t: number;
}

export interface LaneVerdict {
  readonly perLaneWindow: readonly LaneWindow[];
  readonly overPairs: readonly OverPair[];
  readonly ungranted: readonly Ungranted[];
}

/** `grants` and `lines` of one lane, in any order. Throws an Error if windows repeat or overlap. */
export function judgeLane(grants: readonly GrantRow[], lines: readonly ReceivedLine[]): LaneVerdict {
  const windows = grants.toSorted((a, b) => a.start - b.start);
  refuseOverlap(windows);
  const times = lines.filter((line) => line.kind === 'rcpt').map((line) => line.t);
  const perLaneWindow: LaneWindow[] = [];
  let spareBefore = 0;
  windows.forEach((window, index) => {
    const before = windows[index - 1];
    const { address, provider, windowIndex, start, end, units } = window;
    const inside = times.filter((t) => t >= start && t < end);
    // Charging as many late ones as fit to the window before can only help: no other window could take them.
    const lateUntil = before && before.end === start ? start + guardOf(before) : start;
    const late = Math.min(spareBefore, inside.filter((t) => t < lateUntil).length);
    const charged = inside.length - late;
    spareBefore = Math.max(0, units - charged);
    perLaneWindow.push({
      address,
      provider,
      windowIndex,
      start,
      end,
      grant: units,
      received: inside.length,
      accepted: acceptedIn(lines, start, end),
      over: Math.max(0, charged - units),
    });
    // A gap follows: late ones arrive outside every window and use up what is left.
    const next = windows[index + 1];
    if (next?.start !== end) {
      const tail = times.filter((t) => t >= end && t < Math.min(end + guardOf(window), next?.start ?? Infinity));
      const last = perLaneWindow.at(-1);
      const excess = Math.max(0, tail.length - spareBefore);
      if (last && excess > 0) perLaneWindow[perLaneWindow.length - 1] = { ...last, over: last.over + excess };
      spareBefore = 0;
    }
  });
  return { perLaneWindow, overPairs: pairsOver(perLaneWindow), ungranted: outside(windows, times) };
}

function guardOf(window: GrantRow): number {
  return Math.min(GUARD_MS, (window.end - window.start) * GUARD_SHARE);
}

function acceptedIn(lines: readonly ReceivedLine[], start: number, end: number): number {
  let accepted = 0;
  for (const line of lines) {
    if (line.kind === 'data' && line.accepted && line.t >= start && line.t < end) accepted += line.rcpts.length;
  }
  return accepted;
}

function pairsOver(windows: readonly LaneWindow[]): OverPair[] {
  return windows.flatMap((window, index) => {
    const next = windows[index + 1];
    if (!next || next.start !== window.end) return [];
    const { address, provider, windowIndex } = window;
    const grants = window.grant + next.grant;
    const received = window.received + next.received;
    return received > grants ? [{ address, provider, windowIndex, grants, received }] : [];
  });
}

// No grant, no mail: that holds before the first grant, in gaps, and after the last one if the lane was still cold then.
function outside(windows: readonly GrantRow[], times: readonly number[]): Ungranted[] {
  const [first] = windows;
  const last = windows.at(-1);
  if (!first || !last || windows.every((one) => !one.cold)) return [];
  const { address, provider } = first;
  const covered = (t: number) => windows.some((one) => t >= one.start && t < one.end + guardOf(one));
  return times.filter((t) => !covered(t) && (last.cold || t < last.end)).map((t) => ({ address, provider, t }));
}

function refuseOverlap(windows: readonly GrantRow[]): void {
  windows.forEach((window, index) => {
    const before = windows[index - 1];
    if (!before || (window.start >= before.end && window.windowIndex !== before.windowIndex)) return;
    const { address, provider, windowIndex } = window;
    throw new Error(`the grants of ${address} at ${provider} overlap in window ${windowIndex}: give one per window`);
  });
}
