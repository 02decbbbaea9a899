/** Fronts as arguments: each is a pool with a cutover, or the answer says which are. */
import type { Queryable } from '../../store/connect.ts';
import { allCutovers, type CutoverRow, cutoverOf } from '../../store/cutovers.ts';
import { poolNames } from '../../store/lanes.ts';
import { badInput } from '../command.ts';
import { closest } from '../terminal/closest.ts';

/** The live cutover of a front, else its last one; throws CliError `bad-input`. */
export async function knownCutover(db: Queryable, front: string): Promise<CutoverRow> {
  const row = await cutoverOf(db, front);
  if (row !== undefined) return row;
  const fronts = [...new Set((await allCutovers(db)).map((one) => one.front))];
  const there = fronts.length === 0 ? 'there is none yet' : `there is ${fronts.join(', ')}`;
  throw badInput(`${front} has no cutover (${there}): ./rampart cutover start ${front} --from POOL`);
}

/** Throws CliError `bad-input` for a pool that is not there. */
export async function knownPool(db: Queryable, pool: string, option: string): Promise<string> {
  const names = await poolNames(db);
  if (names.includes(pool)) return pool;
  const near = closest(pool, names);
  throw badInput(
    `${option}: no pool is called "${pool}": ${near === undefined ? `there is ${names.join(', ') || 'none'}` : `did you mean ${near}?`}`,
  );
}
