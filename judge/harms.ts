/** The cells of the comparison: every harm, from three days of the ramp on. */
import { harmedLanes, type World } from './world.ts';
import { HARM_NAMES, worldNamed } from './worlds.ts';

/** Days from which harm begins: a small ramp, a middle one, a large one. */
export const HARM_DAYS = [8, 15, 22] as const;
/** Hours after the change that are played; a rule that has not stopped by then has sent all of that mail. */
export const HORIZON = 14 * 24;

export interface Cell {
  readonly world: World;
  readonly name: string;
  readonly fromDay: number;
  readonly harmed: readonly number[];
}

/** Every harm and day, in a fixed order; `cv`: how much campaigns differ; `dead`: share of a dead list that does not exist. */
export function harmCells(cv: number, dead?: number): Cell[] {
  return HARM_NAMES.flatMap((name) =>
    HARM_DAYS.map((fromDay) => {
      const world = worldNamed(name, { fromDay, cv, dead });
      if (world === undefined) throw new RangeError(`no world is called ${name}`);
      return { world, name, fromDay, harmed: harmedLanes(world) };
    }),
  );
}
