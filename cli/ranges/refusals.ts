/** What the workflow would refuse too, said without one. Its own checks decide: the rows may change meanwhile. */
import { transition } from '../../policy/lane.ts';
import type { Queryable } from '../../store/connect.ts';
import { type AddressRow, allLanes, rampOf } from '../../store/lanes.ts';
import { waitingAddresses } from '../../store/ranges.ts';
import { stamp } from '../terminal/time.ts';
import { listed } from './targets.ts';

/** Why these addresses can not start now, a line for each reason. */
export async function startProblems(db: Queryable, rows: readonly AddressRow[]): Promise<string[]> {
  const lanes = await allLanes(db);
  const waiting = await waitingAddresses(db);
  const problems: string[] = [];
  const able: AddressRow[] = [];
  for (const row of rows) {
    const { address, calendar } = row;
    const ramp = await rampOf(db, address);
    const own = lanes.filter((lane) => lane.address === address);
    const turn = waiting.find((one) => one.address === address);
    if (ramp !== undefined && ramp.endedAt === null)
      problems.push(`${address} is warming already (plan ${ramp.plan.name}): see ./rampart warmup status ${address}`);
    else if (turn !== undefined)
      problems.push(
        `${address} waits in range ${turn.written} until ${stamp(turn.dueAt, calendar.kind === 'civil' ? calendar.zone : 'UTC')}: take it out with ./rampart warmup withdraw ${address}`,
      );
    else if (own.length > 0 && own.every((lane) => lane.phase === 'warm'))
      problems.push(`${address} is warm at every provider: there is nothing to warm up`);
    else if (!own.some((lane) => transition(lane.phase, 'start', []) !== undefined))
      problems.push(
        `${address} has no lane that could start (${own.map((lane) => `${lane.provider} ${lane.phase}`).join(', ')}): see ./rampart warmup status ${address}`,
      );
    else able.push(row);
  }
  for (const [pool, group] of Map.groupBy(able, (row) => row.pool)) {
    const mine = group.map((row) => row.address);
    const peers = lanes.some((lane) => lane.pool === pool && !mine.includes(lane.address) && lane.phase === 'warm');
    if (group[0]?.overflow !== 'warm-peers' || peers) continue;
    problems.push(
      `pool ${pool} has no warm address to take what ${listed(mine)} may not send: add one with standing 'warm', or set the pool's overflow to 'wait'`,
    );
  }
  return problems;
}
