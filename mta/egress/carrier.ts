/** What a dispatcher needs of whatever carries mail: a lane, or an upstream that stands in its place. */
import type { LaneRow } from '../../store/lanes.ts';
import type { Claimed } from '../../store/queue.ts';

/** Permission for one RCPT, charged to the window that was open when it was reserved. */
export interface Unit {
  readonly windowIndex: number;
  readonly hour: number;
  /** No transaction may start after this instant (ms). */
  readonly until: number;
  /** The window's end for sending (ms): RCPT must be answered by then. */
  readonly closes: number;
}

/** Where units come from. */
export interface UnitBook {
  /** When the next unit may be had, ms; past: now. */
  readonly nextAt: number;
  /** The rule that binds now, for "say why". */
  readonly binds: string;
  mayHave(now: number): boolean;
  take(lane: LaneRow, cold: boolean, want: number, processes: number, now: number): Promise<Unit[]>;
  takeAtHand(lane: LaneRow, want: number, now: number): Unit[];
  refill(lane: LaneRow, cold: boolean, processes: number, now: number): Promise<boolean>;
  putBack(unit: Unit): Promise<void>;
}

export interface Carrier {
  readonly freeSlots: number;
  /** Transactions begun by this process. */
  readonly begun: number;
  /** Until when (ms) it sends nothing at all; 0 or past: it may. */
  readonly restsUntil: number;
  /** May a message to this domain have a place? No domain may hold all the connections. */
  mayHold(domain: string, now: number): boolean;
  /** A place is kept for a message to this domain; returns what names it. */
  hold(domain: string): number;
  /** The place is not used. */
  letGo(domain: string, held: number): void;
  /** Of these messages, those that may have one together. */
  fit<M extends { readonly domain: string }>(mails: readonly M[], now: number): readonly M[];
  send(message: Claimed, unit: Unit, held: number): Promise<void>;
  /** Until when (ms) the hosts that take a domain's mail are left alone; 0: they may be tried. */
  siteRestsUntil(domain: string, now: number): number;
  /** What those hosts said last; null: they do not rest. */
  siteWhy(domain: string): string | null;
  closeIdle(now: number): void;
  close(): void;
}
