/**
 * A changed `normal` in the configuration: the limit of lanes that were declared warm follows it, and says so. Nobody changes
 * what an address may send without a decision row: who wrote the file answers for the figure, and writing the old one takes
 * it back. A lane that has had a ramp keeps its plan's limit, and one that is not warm keeps its ceiling.
 */
import { windowOf } from '../policy/calendar.ts';
import { POLICY_VERSION } from '../policy/defaults.ts';
import { type Store, tx } from '../store/connect.ts';
import { applyLane, notifyChange } from '../store/decisions.ts';
import { type LaneRow, lanesOf, setNormal } from '../store/lanes.ts';
import { grantsNow } from './verbs/grants.ts';

const ACTOR = 'configuration';

/** Gives an address's lanes the configured limits (messages a day by provider). Returns what changed, in words. `now`: ms. */
export function followNormals(
  store: Store,
  address: string,
  normals: ReadonlyMap<string, number>,
  now: number,
): Promise<string[]> {
  return tx(store, async (db) => {
    const changed = (await lanesOf(db, address)).flatMap((lane) => {
      const normal = normals.get(lane.provider);
      const follows = lane.rampId === null && lane.phase !== 'planned';
      return follows && normal !== undefined && normal !== lane.normal ? [{ lane, normal }] : [];
    });
    for (const { lane, normal } of changed) {
      const { phase, stage, clean } = lane;
      const ceiling = phase === 'warm' ? normal : lane.ceiling;
      const raised = ceiling > lane.ceiling;
      const reason = says(lane, normal);
      const decision = { kind: 'set-plan' as const, phase, stage, ceiling, clean, reason, judgements: [] };
      await setNormal(db, address, lane.provider, normal);
      await applyLane(db, {
        lane,
        decision: { ...decision, retreat: false, raised: false },
        operationId: `normal/${address}/${lane.provider}/${new Date(now).toISOString()}`,
        rampId: null,
        window: windowOf(now, lane.calendar).index,
        actor: ACTOR,
        policyVersion: POLICY_VERSION,
        at: now,
        final: false,
        pauseReasons: lane.pauseReasons,
        missed: [],
        // A lower limit holds today as well; a higher one from the next window on.
        grants: raised ? [] : await grantsNow(db, lane, { ...decision, retreat: false, raised: false }, now),
      });
    }
    if (changed.length > 0) await notifyChange(db, address);
    return changed.map(({ lane, normal }) => `${address} ${lane.provider}: ${says(lane, normal)}`);
  });
}

function says({ normal: before, phase }: LaneRow, after: number): string {
  const then = phase === 'warm' ? '' : `; it is ${phase} and keeps its ceiling`;
  return `normal limit ${before} → ${after} a day, by its address's normal in the configuration${then}`;
}
