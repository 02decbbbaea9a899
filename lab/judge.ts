/**
 * Judges a run by the lab's own records: did any lane send more than it was granted, was any message lost, was any
 * delivered twice? Pure; the caller reads the files and asks the engine what it granted and what became of each message.
 *
 * Two rules about grants. Strictly, what the lab received between the start of one window and the end of the next is at most
 * the sum of both grants. And per window what it received is at most the grant, where a recipient that arrives within the
 * guard time (min(5 s, 2% of the window)) after a window's end may be charged to it: it was on its way when the window ended.
 */

import { judgeLane, type LaneVerdict } from './judge-lane.ts';
import type { InjectedLine, ReceivedLine } from './records.ts';

/** What the engine permitted: `units` recipients between `start` (incl.) and `end` (excl.), ms since 1970. */
export interface GrantRow {
  readonly address: string;
  readonly provider: string;
  readonly windowIndex: number;
  readonly start: number;
  readonly end: number;
  /** The most that was in force during the window. */
  readonly units: number;
  readonly planCeiling: number;
  readonly cold: boolean;
}

export interface JudgeInput {
  readonly received: readonly ReceivedLine[];
  readonly injected: readonly InjectedLine[];
  readonly grants: readonly GrantRow[];
  /** Message-IDs the engine still holds, gave up with a bounce, and let expire. */
  readonly queued: readonly string[];
  readonly bounced: readonly string[];
  readonly expired: readonly string[];
  /** Message-IDs the engine sent on its own account, to seed mailboxes. */
  readonly probes: readonly string[];
}

export interface Duplicate {
  readonly messageId: string;
  readonly rcpt: string;
  readonly times: number;
}

/** What one address got from one provider, in recipients; `accepted` counts final 250s. */
export interface LaneTotal {
  readonly address: string;
  readonly provider: string;
  readonly received: number;
  readonly accepted: number;
  readonly deferred: number;
  readonly refused: number;
}

export interface Arrivals {
  readonly provider: string;
  readonly windowIndex: number;
  readonly injected: number;
}

export interface Judgement extends LaneVerdict {
  readonly duplicates: readonly Duplicate[];
  /** Injected with a 250, and nowhere now. */
  readonly lost: readonly string[];
  /** Accepted by a provider, but neither injected with a 250 nor a probe: an injection nobody heard the answer of. */
  readonly unknown: readonly string[];
  readonly totals: readonly LaneTotal[];
  /** Demand: messages injected, by provider and window. */
  readonly arrivals: readonly Arrivals[];
}

/** Throws an Error if two grants are for the same lane and window, or windows of a lane overlap. */
export function judge(input: JudgeInput): Judgement {
  const accepted = acceptances(input.received);
  const deliveredIds = new Set([...accepted.values()].map((one) => one.messageId));
  const elsewhere = new Set([...input.queued, ...input.bounced, ...input.expired]);
  const injectedIds = new Set(input.injected.map((line) => line.messageId));
  const probes = new Set(input.probes);
  return {
    ...judgeLanes(input),
    duplicates: [...accepted.values()].filter((one) => one.times > 1),
    lost: [...injectedIds].filter((id) => !deliveredIds.has(id) && !elsewhere.has(id)),
    unknown: [...deliveredIds].filter((id) => !injectedIds.has(id) && !probes.has(id)),
    totals: totalsOf(input.received),
    arrivals: arrivalsOf(input),
  };
}

function judgeLanes(input: JudgeInput): LaneVerdict {
  const lanes = Map.groupBy(input.grants, (grant) => laneKey(grant.address, grant.provider));
  const lines = Map.groupBy(input.received, (line) => laneKey(line.sourceIp, line.provider));
  const verdicts = [...lanes].map(([key, grants]) => judgeLane(grants, lines.get(key) ?? []));
  return {
    perLaneWindow: verdicts.flatMap((one) => one.perLaneWindow),
    overPairs: verdicts.flatMap((one) => one.overPairs),
    ungranted: verdicts.flatMap((one) => one.ungranted),
  };
}

function acceptances(received: readonly ReceivedLine[]): Map<string, Duplicate> {
  const found = new Map<string, Duplicate>();
  for (const line of received) {
    if (line.kind !== 'data' || !line.accepted) continue;
    for (const rcpt of line.rcpts) {
      const key = `${line.messageId} ${rcpt}`;
      found.set(key, { messageId: line.messageId, rcpt, times: (found.get(key)?.times ?? 0) + 1 });
    }
  }
  return found;
}

function totalsOf(received: readonly ReceivedLine[]): LaneTotal[] {
  const lanes = Map.groupBy(received, (line) => laneKey(line.sourceIp, line.provider));
  return [...lanes.values()].flatMap((lines) => {
    const [first] = lines;
    if (!first) return [];
    const total = { received: 0, accepted: 0, deferred: 0, refused: 0 };
    for (const line of lines) {
      const count = line.kind === 'rcpt' ? 1 : line.rcpts.length;
      if (line.kind === 'rcpt') total.received += 1;
      else if (line.accepted) total.accepted += count;
      if (line.code >= 500) total.refused += count;
      else if (line.code >= 400) total.deferred += count;
    }
    return [{ address: first.sourceIp, provider: first.provider, ...total }];
  });
}

function arrivalsOf(input: JudgeInput): Arrivals[] {
  const windows = new Map<string, GrantRow>();
  for (const grant of input.grants) windows.set(`${grant.provider} ${grant.windowIndex}`, grant);
  const injected = Map.groupBy(input.injected, (line) => line.provider);
  return [...windows.values()].map(({ provider, windowIndex, start, end }) => {
    const inside = (injected.get(provider) ?? []).filter((line) => line.t >= start && line.t < end);
    return { provider, windowIndex, injected: inside.length };
  });
}

function laneKey(address: string, provider: string): string {
  return `${address} ${provider}`;
}
