/** Plays the MTA at the level of the database: outcomes as the real one commits them, without SMTP. */
import { windowOf } from '../../policy/calendar.ts';
import { holdsOnLane } from '../../policy/holds.ts';
import { isCold } from '../../policy/lane.ts';
import type { Store } from '../../store/connect.ts';
import { grantsAround } from '../../store/grants.ts';
import { liveHolds } from '../../store/holds.ts';
import { allLanes, type LaneRow } from '../../store/lanes.ts';
import { unitsUsed } from '../../store/measures.ts';
import { commitOutcomes, type Outcome } from '../../store/queue.ts';

let recipients = 0;

/** One delivered message; `over` makes it something else. */
export function outcome(over: Partial<Outcome> & Pick<Outcome, 'address' | 'provider' | 'at'>): Outcome {
  recipients += 1;
  return {
    recipient: recipients,
    message: recipients,
    windowIndex: 0,
    number: 1,
    firstAt: over.at,
    unit: true,
    severity: 'delivered',
    class: 'delivered',
    scope: 'message',
    rule: 'accepted',
    reply: '250 2.0.0 OK',
    campaign: 'news',
    tenant: 'acme',
    probe: false,
    retry: null,
    ...over,
  };
}

export const BLOCKED: Partial<Outcome> = { severity: 'blocked', class: 'reputation', rule: 'test', reply: '550 5.7.1' };
export const DEAD: Partial<Outcome> = { severity: 'hard', class: 'recipient', rule: 'test', reply: '550 5.1.1' };

export async function commit(store: Store, outcomes: readonly Outcome[]): Promise<void> {
  await commitOutcomes(store, outcomes, 'feeder', { bucketMs: 250, idleMs: 7 * 86_400_000 });
}

/** What the mail of a lane meets; undefined: delivered. */
export type Answer = (lane: LaneRow, nth: number) => Partial<Outcome> | undefined;

export interface Feeder {
  answer: Answer;
  stop(): Promise<void>;
}

const EVERY_MS = 80;

/** Uses every cold lane's grant at an even pace until stopped, a unit of a warm one's; lanes on hold send nothing. */
export function startFeeder(store: Store): Feeder {
  let stopped = false;
  const feeder = { answer: (() => undefined) as Answer };
  const running = (async () => {
    while (!stopped) {
      await feedOnce(store, feeder.answer);
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  })();
  return Object.assign(feeder, {
    stop: async () => {
      stopped = true;
      await running;
    },
  });
}

async function feedOnce(store: Store, answer: Answer): Promise<void> {
  const holds = await liveHolds(store);
  const outcomes: Outcome[] = [];
  for (const lane of await allLanes(store)) {
    const now = Date.now();
    const { address, provider } = lane;
    if (holdsOnLane(holds, { ...lane, cold: isCold(lane.phase) }, now).length > 0) continue;
    const window = windowOf(now, lane.calendar);
    const grant = (await grantsAround(store, address, provider, window.index, 0))[0];
    if (grant === undefined) continue;
    const sent = (await unitsUsed(store, address, window.index)).get(provider) ?? 0;
    // A little ahead of the even pace: a test's evaluation may come late, never its mail.
    const share = Math.min(1, ((now - window.start) / (window.end - window.start)) * 1.3 + 0.1);
    // A warm lane gets what keeps it from being idle.
    const due = isCold(lane.phase) ? Math.floor(grant.units * share) : 1;
    for (let n = sent; n < due; n++) {
      outcomes.push(outcome({ address, provider, at: now, windowIndex: window.index, ...answer(lane, n) }));
    }
  }
  if (outcomes.length > 0) await commit(store, outcomes);
}
