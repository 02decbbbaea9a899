import { availableParallelism } from 'node:os';
import { summarise } from '../../judge/simulate.ts';
import { Threads } from '../../judge/threads.ts';
import { gatesOf, overlaidOptions } from '../../policy/gates/settings.ts';
import { type Plan, rowOf } from '../../policy/plan.ts';
import { CONFIG_OPTION, type Command } from '../command.ts';
import { drawChosen, planName, TARGET } from '../plan/draw.ts';
import { CHOICE_OPTIONS, INPUT_OPTIONS } from '../plan/options.ts';
import { chosenPool, POOL_OPTION } from '../plan/pool.ts';
import { countOption, findWorld, shareOption, WORLD_OPTIONS } from '../simulate/options.ts';
import { simulationLines } from '../simulate/text.ts';

const MOST_RUNS = 1_000_000;
/** Ramps a thread plays at a time. */
const PIECE = 10;

/** Plays a plan in a model world, many times. Needs no database. */
export const simulate: Command = {
  usage: '',
  options: [
    { name: 'plan', type: 'string', value: 'NAME', says: 'six-week, four-week, … (./rampart plan list)' },
    ...WORLD_OPTIONS,
    { name: 'runs', type: 'string', value: 'N', says: 'ramps to play (default: 1000)' },
    { name: 'seed', type: 'string', value: 'N', says: 'same seed, same ramps (default: 1)' },
    {
      name: 'false-stops',
      type: 'string',
      value: 'SHARE',
      says: 'healthy ramps that may be stopped, which sets how alert the gates are (default: 0.01)',
    },
    ...INPUT_OPTIONS,
    ...CHOICE_OPTIONS,
    POOL_OPTION,
    CONFIG_OPTION,
  ],
  example: './rampart simulate --plan six-week --world complaints-all --runs 1000',
  positionals: [0, 0],
  async run(invocation) {
    const name = planName(invocation);
    const world = await findWorld(invocation);
    const runs = countOption(invocation, 'runs', 1_000, MOST_RUNS);
    const stream = countOption(invocation, 'seed', 1, 2 ** 31 - 1);
    const falseStopsPerRamp = shareOption(invocation, 'false-stops');
    const providers = world.lanes.map((lane) => lane.provider);
    const pool = await chosenPool(invocation);
    const plan = await drawChosen(invocation, name, () => ({ default: TARGET }), providers, pool);
    const ceilings = providers.map((provider) => rowOf(plan, provider).map((stage) => stage.ceiling));
    // The world says how much campaigns differ where no gates do; what is asked for here counts at every provider.
    const wanted = overlaidOptions(overlaidOptions({ campaignsCv: world.cv }, plan.gates), { falseStopsPerRamp });
    const laneGates = providers.map((provider) => gatesOf(wanted, provider));
    const job = { ceilings, world, gates: gatesOf(wanted), laneGates, advance: advanceOf(plan) };
    const simulation = summarise(await play(job, stream, runs), job);
    const json = { plan: plan.name, world: world.name, seed: stream, ...simulation };
    return { json, lines: simulationLines(plan.name, world, simulation) };
  },
};

/** Threads are handed what they need of a plan, and no more. */
function advanceOf({ advance, stageShare }: Plan) {
  return { advance, ...(stageShare === undefined ? {} : { stageShare }) };
}

async function play(job: Parameters<typeof summarise>[1], stream: number, runs: number) {
  const threads = new Threads(Math.min(availableParallelism(), Math.ceil(runs / PIECE)));
  try {
    return (await threads.run('simulate', { ...job, stream }, runs, PIECE)).flat();
  } finally {
    await threads.stop();
  }
}
