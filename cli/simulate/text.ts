/** A simulation in words. */
import type { Simulation } from '../../judge/simulate.ts';
import type { World } from '../../judge/world.ts';
import { table } from '../terminal/table.ts';

const percent = (share: number) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 2 : 1)}%`;
const whole = (count: number) => Math.round(count).toLocaleString('en');

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

export function simulationLines(plan: string, world: World, simulation: Simulation): string[] {
  const { runs, days, finished, mail, falseStops, stops, harm } = simulation;
  const { sent, ...events } = mail;
  const said = world.says === '' ? '' : `: ${world.says}`;
  const end = finished === 0 ? 'no ramp ended' : `${days.median} days (95%: ${days.p95})`;
  const late = finished === 1 || finished === 0 ? '' : `; ${percent(1 - finished)} of ramps never ended`;
  return [
    `plan ${plan}, ${whole(runs)} ramps in world ${world.name}${said}`,
    `${counted(world.lanes.length, 'lane')}, ${counted(world.campaignsPerDay, 'campaign')} a day that ${world.campaignsPerDay === 1 ? 'differs' : 'differ'} by cv ${world.cv}`,
    '',
    `length       ${end} where ${days.planned} are planned${late}`,
    `false stops  ${percent(falseStops.share)} of ramps (at most ${percent(falseStops.atMost)} by chance)`,
    ...(harm === null
      ? []
      : [
          `harm         from day ${harm.fromDay}; ${harm.missed === 1 ? 'never stopped' : `stopped after ${harm.delayHours.median} h (95%: ${harm.delayHours.p95} h)`}${harm.missed > 0 && harm.missed < 1 ? `; never in ${percent(harm.missed)} of ramps` : ''}`,
          `             ${whole(harm.mail.mean)} harmful messages until the stop (95%: ${whole(harm.mail.p95)})`,
        ]),
    '',
    ...table(
      ['a ramp sends', whole(sent), ''],
      Object.entries(events).map(([metric, count]) => [metric, whole(count), percent(count / Math.max(1, sent))]),
    ),
    ...(Object.keys(stops).length === 0
      ? []
      : [
          '',
          ...table(
            ['stop', 'a ramp'],
            Object.entries(stops).map(([what, count]) => [what, count.toFixed(3)]),
          ),
        ]),
  ];
}
