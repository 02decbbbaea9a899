import { isRange } from '../../policy/ranges/expand.ts';
import { CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { planName, TARGET } from '../plan/draw.ts';
import { CALENDAR_OPTIONS, CHOICE_OPTIONS, INPUT_OPTIONS, UNCAPPED_OPTION } from '../plan/options.ts';
import { PREFLIGHT_OPTIONS, skipped } from '../preflight/run.ts';
import { startOne } from '../ranges/start-one.ts';
import { startRange } from '../ranges/start-range.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';

/** Starts a ramp, or those of a range one after the other. What is wrong is said before anything is written. */
export const warmupStart: Command = {
  usage: '<ip | range>',
  options: [
    { name: 'plan', type: 'string', value: 'NAME', says: 'six-week, four-week, … (./rampart plan list)' },
    { name: 'pool', type: 'string', value: 'NAME', says: 'the pool the addresses must be of' },
    {
      name: 'stagger',
      type: 'string',
      value: 'N/day',
      says: 'addresses of a range that begin a send day (default: all)',
    },
    ...INPUT_OPTIONS.map((option) =>
      option.name === 'target' ? { ...option, says: `${option.says} (default: ${TARGET})` } : option,
    ),
    ...CHOICE_OPTIONS,
    UNCAPPED_OPTION,
    { name: 'from-zero', type: 'boolean', says: 'begin at the first stage, whatever was sent from it elsewhere' },
    ...CALENDAR_OPTIONS,
    ...PREFLIGHT_OPTIONS,
    ACTOR_OPTION,
    REASON_OPTION,
    CONFIG_OPTION,
  ],
  example: './rampart warmup start 198.51.100.8/29 --pool marketing --plan six-week --stagger 2/day',
  positionals: [1, 1],
  async run(invocation) {
    const name = planName(invocation);
    skipped(invocation);
    // Growth over the cap is somebody's own decision: it wants a reason.
    const order = by(invocation, invocation.options.uncapped === true ? undefined : 'started from the command line');
    const many = isRange(invocation.positionals[0] ?? '') || invocation.options.stagger !== undefined;
    const start = many ? startRange : startOne;
    return withStore(invocation, (store, instance) => start(invocation, store, instance, name, order));
  },
};
