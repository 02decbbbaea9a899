import { lengthenedRows, PlanError, type PlanInput, planNamed, stageCount, stageOf } from '../../policy/plan.ts';
import type { Store } from '../../store/connect.ts';
import { type AddressRow, allLanes, type LaneRow, lanesOf, rampOf } from '../../store/lanes.ts';
import { badInput, CliError, CONFIG_OPTION, type Command, type Invocation, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownAddress } from '../known-address.ts';
import { ACTOR_OPTION, by, REASON_OPTION, tellWorkflow } from '../temporal-command.ts';
import { closest } from '../terminal/closest.ts';
import { table } from '../terminal/table.ts';

/** First day's ceiling and last day's when none is given, messages a day per provider. */
const START = 50;
const TARGET = 50_000;
const LIMIT_MS = 15_000;

/** Starts a ramp. What is wrong is said before anything is written. */
export const warmupStart: Command = {
  usage: '<ip>',
  options: [
    { name: 'plan', type: 'string', value: 'NAME', says: 'six-week or four-week' },
    { name: 'start', type: 'string', value: 'N', says: `messages on the first day, per provider (default: ${START})` },
    {
      name: 'target',
      type: 'string',
      value: 'N|P=N,…',
      says: `messages a day at the end: one figure, or google=20000,default=5000 (default: ${TARGET})`,
    },
    { name: 'days', type: 'string', value: 'N', says: "days to take (default: the plan's)" },
    ACTOR_OPTION,
    REASON_OPTION,
    CONFIG_OPTION,
  ],
  example: './rampart warmup start 198.51.100.9 --plan six-week --target google=20000,yahoo=10000,default=5000',
  positionals: [1, 1],
  async run(invocation) {
    const ip = invocation.positionals[0] ?? '';
    const plan = text(invocation, 'plan');
    if (plan === undefined) throw badInput('choose a plan: --plan six-week or --plan four-week');
    const input = planInput(invocation);
    const order = by(invocation, 'started from the command line');
    return withStore(invocation, async (store, instance) => {
      const row = await knownAddress(store, ip);
      const lanes = await lanesOf(store, ip);
      const drawn = draw(plan, input, lanes);
      await refuseEarly(store, row, lanes);
      const told = await tellWorkflow(instance, LIMIT_MS, (temporal) =>
        temporal.startRamp(ip, { ...order, plan, ...input }),
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

function draw(name: string, input: PlanInput, lanes: readonly LaneRow[]) {
  const providers = lanes.map((lane) => lane.provider);
  for (const key of Object.keys(input.targets)) {
    if (key === 'default' || providers.includes(key)) continue;
    const near = closest(key, providers);
    throw badInput(
      `--target names "${key}", which has no lane: ${near === undefined ? `choose among ${providers.join(', ')}` : `did you mean ${near}?`}`,
    );
  }
  try {
    const plan = planNamed(name, input);
    const empty = providers.filter((provider) => stageCount(plan, provider) === 0);
    if (empty.length > 0) throw badInput(`plan ${name} has no stages for ${empty.join(', ')}: choose another plan`);
    return plan;
  } catch (error) {
    throw error instanceof PlanError ? badInput(error.message) : error;
  }
}

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

function planInput(invocation: Invocation): PlanInput {
  const days = text(invocation, 'days');
  return {
    start: wholeNumber('--start', text(invocation, 'start') ?? String(START)),
    targets: targets(text(invocation, 'target') ?? String(TARGET)),
    ...(days === undefined ? {} : { days: wholeNumber('--days', days) }),
  };
}

function targets(given: string): Record<string, number> {
  if (!given.includes('=')) return { default: wholeNumber('--target', given) };
  const found: Record<string, number> = {};
  for (const part of given.split(',')) {
    const [, provider, figure] = /^\s*([a-z0-9-]+)\s*=\s*(.*)$/i.exec(part) ?? [];
    if (provider === undefined || figure === undefined)
      throw badInput(`--target has "${part}": write it like google=20000,default=5000`);
    found[provider] = wholeNumber(`--target ${provider}`, figure);
  }
  if (found.default === undefined) throw badInput(`--target names no default: add default=N for the other providers`);
  return found;
}

function wholeNumber(what: string, given: string): number {
  const plain = given.trim().replaceAll('_', '');
  if (!/^\d{1,9}$/.test(plain) || Number(plain) < 1)
    throw badInput(`${what} is "${given}": give a whole number above 0`);
  return Number(plain);
}
