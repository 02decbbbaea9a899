import { lengthenedRows, stageCount, stageOf } from '../../policy/plan.ts';
import type { Store } from '../../store/connect.ts';
import { type AddressRow, allLanes, type LaneRow, lanesOf, rampOf } from '../../store/lanes.ts';
import { badInput, CliError, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownAddress } from '../known-address.ts';
import { drawChosen, planName, refuseFast, TARGET } from '../plan/draw.ts';
import { CALENDAR_OPTIONS, CHOICE_OPTIONS, calendarChoice, INPUT_OPTIONS, UNCAPPED_OPTION } from '../plan/options.ts';
import { ACTOR_OPTION, by, REASON_OPTION, tellWorkflow } from '../temporal-command.ts';
import { table } from '../terminal/table.ts';

const LIMIT_MS = 15_000;

/** Starts a ramp. What is wrong is said before anything is written. */
export const warmupStart: Command = {
  usage: '<ip>',
  options: [
    { name: 'plan', type: 'string', value: 'NAME', says: 'six-week, four-week, … (./rampart plan list)' },
    ...INPUT_OPTIONS.map((option) =>
      option.name === 'target' ? { ...option, says: `${option.says} (default: ${TARGET})` } : option,
    ),
    ...CHOICE_OPTIONS,
    UNCAPPED_OPTION,
    { name: 'from-zero', type: 'boolean', says: 'begin at the first stage, whatever was sent from it elsewhere' },
    ...CALENDAR_OPTIONS,
    ACTOR_OPTION,
    REASON_OPTION,
    CONFIG_OPTION,
  ],
  example: './rampart warmup start 198.51.100.9 --plan six-week --target google=20000,yahoo=10000,default=5000',
  positionals: [1, 1],
  async run(invocation) {
    const ip = invocation.positionals[0] ?? '';
    const name = planName(invocation);
    // Growth over the cap is somebody's own decision: it wants a reason.
    const order = by(invocation, invocation.options.uncapped === true ? undefined : 'started from the command line');
    return withStore(invocation, async (store, instance) => {
      const row = await knownAddress(store, ip);
      const lanes = await lanesOf(store, ip);
      const providers = lanes.map((lane) => lane.provider);
      const drawn = await drawChosen(invocation, name, () => ({ default: TARGET }), providers);
      const empty = providers.filter((provider) => stageCount(drawn, provider) === 0);
      if (empty.length > 0) throw badInput(`plan ${name} has no stages for ${empty.join(', ')}: choose another plan`);
      if (row.calendar.kind === 'compressed' && calendarChoice(invocation) !== undefined)
        throw badInput('a compressed day has neither zone nor hours: leave --zone, --send-days and --send-hours out');
      await refuseEarly(store, row, lanes);
      refuseFast(invocation, drawn, providers);
      const told = await tellWorkflow(instance, LIMIT_MS, (temporal) =>
        temporal.startRamp(ip, { ...order, plan: name, drawn, fromZero: invocation.options['from-zero'] === true }),
      );
      if (told.outcome === 'refused') throw badInput(told.message);
      if (told.outcome === 'silent') {
        throw new CliError(
          'no-answer',
          `the ramp may not have started (${told.message}): see ./rampart warmup status ${ip}, and ./rampart doctor for what is not running`,
        );
      }
      const rows = lanes.map(({ provider }) => [
        provider,
        String(stageCount(drawn, provider)),
        String(stageOf(drawn, provider, 0)?.ceiling ?? 0),
        String(stageOf(drawn, provider, stageCount(drawn, provider) - 1)?.ceiling ?? 0),
      ]);
      return {
        json: { address: ip, ...told.result, plan: drawn },
        lines: [
          told.result.says,
          '',
          ...table(['provider', 'days', 'first', 'last'], rows),
          ...lengthenedRows(drawn).map((note) => `note: ${note}`),
          '',
          `watch it: ./rampart warmup status ${ip} --watch`,
        ],
      };
    });
  },
};

/** What the workflow would refuse too, said without one. Its own checks decide: the rows may change meanwhile. */
async function refuseEarly(store: Store, row: AddressRow, lanes: readonly LaneRow[]): Promise<void> {
  const { address, pool } = row;
  const ramp = await rampOf(store, address);
  if (ramp !== undefined && ramp.endedAt === null) {
    throw badInput(`${address} is warming already (plan ${ramp.plan.name}): see ./rampart warmup status ${address}`);
  }
  if (lanes.length > 0 && lanes.every((lane) => lane.phase === 'warm')) {
    throw badInput(`${address} is warm at every provider: there is nothing to warm up`);
  }
  if (row.overflow !== 'warm-peers') return;
  const peers = (await allLanes(store)).filter(
    (lane) => lane.pool === pool && lane.address !== address && lane.phase === 'warm',
  );
  if (peers.length > 0) return;
  throw badInput(
    `pool ${pool} has no warm address to take what ${address} may not send: add one with standing 'warm', or set the pool's overflow to 'wait'`,
  );
}
