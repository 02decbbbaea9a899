/**
 * A reply that names the lane's end: hold and incident in one transaction. A block of the network is one of every lane in the
 * /24 at this provider, warm ones and other nodes' included.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { laneTarget } from '../../policy/holds.ts';
import type { ReplyVerdict } from '../../policy/replies.ts';
import { type Store, tx } from '../../store/connect.ts';
import { openIncident, placeHold } from '../../store/holds.ts';
import type { LaneRow } from '../../store/lanes.ts';
import type { Answer } from './connection.ts';

const STORE_RETRY_MS = 250;

export interface FatalReply {
  /** What it ends. */
  readonly lanes: readonly LaneRow[];
  readonly verdict: ReplyVerdict;
  readonly answer: Answer;
  readonly reason: string;
}

/** What people read of it. */
export function fatalReason({ provider, address }: LaneRow, answer: Answer): string {
  return `${provider} refused ${address}: ${answer.text}`.slice(0, 300);
}

/** Stores hold and incident, again and again while `goOn` says so: a store that is away must not save the lane. */
export async function keepIncident(
  store: Store,
  log: (event: string, fields?: Record<string, unknown>) => void,
  { lanes, verdict, answer, reason }: FatalReply,
  goOn: () => boolean,
): Promise<void> {
  const cause = `incident:${verdict.rule}`;
  const reply = `${answer.code} ${answer.text}`;
  while (goOn()) {
    try {
      await tx(store, async (db) => {
        for (const { address, provider } of lanes) {
          const target = laneTarget(address, provider);
          const detail = { reply, rule: verdict.rule, address, provider };
          await placeHold(db, { scope: 'lane', target, reach: 'all', cause, actor: 'mta', reason, evidence: detail });
          await openIncident(db, { scope: 'lane', target, cause, address, provider, detail });
        }
      });
      return;
    } catch (error) {
      log('incident-not-stored', { reason, error: (error as Error).message });
      await sleep(STORE_RETRY_MS);
    }
  }
}
