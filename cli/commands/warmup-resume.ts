import { coversAddress, type Hold } from '../../policy/holds.ts';
import { type Store, tx } from '../../store/connect.ts';
import { clearHolds, liveHolds } from '../../store/holds.ts';
import { endOrders, liveOrders } from '../../store/orders.ts';
import { badInput, CliError, CONFIG_OPTION, type Command, type Invocation, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownLanes } from '../known-address.ts';
import { holdText } from '../status/hold-text.ts';
import { chosenAddresses, chosenProvider, MOST_TARGETS, PROVIDER_OPTION, TARGETS_USAGE } from '../targets.ts';
import { ACTOR_OPTION, by, OPERATION_OPTION, REASON_OPTION, type Told, tellWorkflows } from '../temporal-command.ts';
import { type Liftable, liftable, RESUME_CAUSES, type ResumeCause } from '../verbs/liftable.ts';

const LIMIT_MS = 5_000;

/** Lifts the operator's pauses and held ceilings it sees, and names them; holds of gates stay. */
export const warmupResume: Command = {
  usage: TARGETS_USAGE,
  options: [
    { ...PROVIDER_OPTION, says: "only its lane at this provider; a provider's refusal is lifted in no other way" },
    { name: 'only', type: 'string', value: 'CAUSE', says: `of several reasons lift one: ${RESUME_CAUSES.join(', ')}` },
    REASON_OPTION,
    ACTOR_OPTION,
    OPERATION_OPTION,
    CONFIG_OPTION,
  ],
  example: "./rampart warmup resume 198.51.100.9 --reason 'mailing was stopped'",
  positionals: [1, MOST_TARGETS],
  async run(invocation) {
    const order = by(invocation);
    const provider = chosenProvider(invocation);
    const only = cause(invocation);
    return withStore(invocation, async (store, instance) => {
      const addresses = (await chosenAddresses(store, invocation)).map((row) => row.address);
      const found = [];
      for (const address of addresses) {
        if (addresses.length === 1 && provider !== null) await knownLanes(store, address, provider);
        const live = await about(store, address);
        found.push({ address, live, lifts: liftable(live, { address, provider, only }) });
      }
      const there = found.flatMap(({ lifts, ...rest }) => (typeof lifts === 'string' ? [] : [{ ...rest, lifts }]));
      const [nothing] = found;
      if (there.length === 0 && typeof nothing?.lifts === 'string')
        throw badInput(
          found.length === 1 ? nothing.lifts : 'nothing to resume: none of these addresses is paused by a person',
        );
      const told = await tellWorkflows(instance, LIMIT_MS, there, (temporal, { address, lifts }) =>
        temporal.resume(address, {
          ...order,
          ...{ provider, holds: lifts.holds.map((one) => one.id), orders: lifts.orders.map((one) => one.id) },
          operationId: `${order.operationId}/${address}`,
        }),
      );
      const results = [];
      for (const [at, one] of there.entries()) results.push(await lifted(store, one, told[at] as Told, order));
      const failed = results.filter((one) => one.error !== undefined);
      if (results.length === 1 && failed[0] !== undefined) throw failed[0].error;
      const idle = found.filter(({ lifts }) => typeof lifts === 'string').map(({ address }) => address);
      const json = results.map(({ error, lines, ...rest }) => ({ ...rest, ...(error && { error: error.message }) }));
      return {
        json: { provider, operation: order.operationId, ...(json.length === 1 ? json[0] : {}), results: json, idle },
        lines: [
          ...results.flatMap(({ address, error, lines }) =>
            (error === undefined ? lines : [error.message]).map((line) =>
              there.length > 1 ? `${address}  ${line}` : line,
            ),
          ),
          ...(idle.length > 0 ? [`not paused: ${idle.join(', ')}`] : []),
        ],
        ...(failed.length > 0 ? { exit: 1 as const } : {}),
      };
    });
  },
};

function cause(invocation: Invocation): ResumeCause | undefined {
  const given = text(invocation, 'only');
  if (given === undefined) return undefined;
  const known = RESUME_CAUSES.find((one) => one === given);
  if (known === undefined) throw badInput(`--only is "${given}": choose ${RESUME_CAUSES.join(', ')}`);
  return known;
}

async function about(store: Store, address: string) {
  const holds = (await liveHolds(store)).filter((hold) => coversAddress(hold, address));
  return { holds, orders: await liveOrders(store, address, Date.now()) };
}

interface Lifting {
  readonly address: string;
  readonly live: { readonly holds: readonly Hold[] };
  readonly lifts: Liftable;
}

/** What was lifted on an address; without its workflow an operator's own holds are lifted here. */
async function lifted(
  store: Store,
  { address, live, lifts }: Lifting,
  told: Told,
  order: { readonly actor: string; readonly reason: string },
) {
  const ids = lifts.holds.map((hold) => hold.id);
  const silent = told.outcome === 'silent';
  let cleared = ids;
  if (silent) {
    // An operator's own hold needs nobody's leave; releasing a refused lane is the workflow's.
    const own = lifts.holds.filter((hold) => hold.cause === 'operator').map((hold) => hold.id);
    cleared = await tx(store, async (db) => {
      await endOrders(
        db,
        lifts.orders.map((one) => one.id),
        { ...order, at: Date.now() },
      );
      return clearHolds(db, own, order);
    });
  }
  const after = await about(store, address);
  const stays = after.holds.find((hold) => ids.includes(hold.id));
  const error =
    told.outcome === 'refused'
      ? badInput(told.message)
      : stays === undefined
        ? undefined
        : new CliError(
            'not-lifted',
            `${holdText(stays)} is still in force: run it again${silent ? ' when the worker runs' : ''}`,
          );
  const others = after.holds.filter((hold) => live.holds.some((before) => before.id === hold.id) && hold !== stays);
  const note = silent
    ? `the workflow has not heard of it (${told.message}): lifted without it`
    : 'the workflow has recorded it';
  return {
    ...{ address, lifted: ids, orders: lifts.orders.map((one) => one.id), cleared },
    ...{ workflow: told.outcome, note, stillHeld: others, error },
    lines: [
      ...lifts.holds.map((hold) => `lifted: ${holdText(hold)}`),
      ...lifts.orders.map((one) => `lifted: the held ceiling of ${one.provider} by ${one.actor}: ${one.reason}`),
      note,
      ...others.map((hold) => `still in force: ${holdText(hold)}`),
    ],
  };
}
