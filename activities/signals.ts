/** What others say of an address: read for a decision, and held where a person has to act on it. */
import { type Calendar, planMs } from '../policy/calendar.ts';
import { judgeSignal, type Signal } from '../policy/gates/signals.ts';
import { laneTarget } from '../policy/holds.ts';
import type { Queryable } from '../store/connect.ts';
import { causesHeld } from '../store/holds.ts';
import { signalsOf } from '../store/signals.ts';
import type { Alarm } from './alarms.ts';

const HOUR = 3_600_000;

export type SignalNow = Signal & {
  /** When it was read, ms. */
  readonly at: number;
};

/** The newest word of every source about the address. */
export async function currentSignals(
  db: Queryable,
  address: string,
  calendar: Calendar,
  now: number,
): Promise<SignalNow[]> {
  const hour = planMs(HOUR, calendar);
  const rows = await signalsOf(db, address, 24 * hour);
  return rows.map((row) => ({ ...row, ageHours: Math.max(0, now - row.at) / hour }));
}

/**
 * Holds of listings that quarantine. They are a person's to lift, by name: what is listed again after that is a new row,
 * and a row holds once.
 */
export async function signalAlarms(db: Queryable, signals: readonly SignalNow[]): Promise<Alarm[]> {
  const alarms = signals.flatMap((signal): Alarm[] => {
    const { action, says } = judgeSignal(signal);
    if (action !== 'quarantine') return [];
    const { address, provider } = signal;
    const where =
      provider === null
        ? ({ scope: 'address', target: address } as const)
        : ({ scope: 'lane', target: laneTarget(address, provider) } as const);
    const cause = `incident:${signal.kind}:${signal.source}:${signal.id}`;
    return [{ hold: { ...where, reach: 'all', cause, actor: 'rampart', reason: says, evidence: signal } }];
  });
  const held = await causesHeld(
    db,
    alarms.map(({ hold }) => hold.cause),
  );
  return alarms.filter(({ hold }) => !held.includes(hold.cause));
}
