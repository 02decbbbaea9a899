import { laneTarget } from '../../policy/holds.ts';
import { type Store, tx } from '../../store/connect.ts';
import { liveHolds, placeHold } from '../../store/holds.ts';
import { lanesOf } from '../../store/lanes.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { chosenAddresses, chosenProvider, MOST_TARGETS, PROVIDER_OPTION, TARGETS_USAGE } from '../targets.ts';
import { ACTOR_OPTION, by, OPERATION_OPTION, REASON_OPTION, type Told, tellWorkflows } from '../temporal-command.ts';
import { ago } from '../terminal/time.ts';

/** A pause is in force before Temporal is asked; the workflow only has to hear of it. */
const LIMIT_MS = 3_000;

/** Commits hold rows, all of them or none, which alone stop new cold mail, then tells the workflows if it can. */
export const warmupPause: Command = {
  usage: TARGETS_USAGE,
  options: [PROVIDER_OPTION, REASON_OPTION, ACTOR_OPTION, OPERATION_OPTION, CONFIG_OPTION],
  example:
    "./rampart warmup pause 198.51.100.9 --provider microsoft-consumer --reason 'complaints from Monday's mailing'",
  positionals: [1, MOST_TARGETS],
  async run(invocation) {
    const order = by(invocation);
    const provider = chosenProvider(invocation);
    return withStore(invocation, async (store, instance) => {
      const addresses = (await chosenAddresses(store, invocation)).map((row) => row.address);
      await haveLanes(store, addresses, provider);
      const placed = await placeHolds(store, addresses, provider, order);
      // People see it at once; whoever waits for Temporal may stop waiting.
      if (!invocation.json) for (const { says } of placed) invocation.stdout.write(`${says}\n`);
      const told = await tellWorkflows(instance, LIMIT_MS, placed, (temporal, { address, hold }) =>
        temporal.pause(address, { ...order, provider, hold, operationId: `${order.operationId}/${address}` }),
      );
      const results = placed.map((one, at) => ({
        ...{ ...one, workflow: told[at]?.outcome ?? 'silent', note: heard(told[at] as Told) },
      }));
      const notes = new Set(results.map(({ note }) => note));
      return {
        json: { provider, operation: order.operationId, ...(results.length === 1 ? results[0] : {}), results },
        lines: notes.size === 1 ? [...notes] : results.map(({ address, note }) => `${address}: ${note}`),
      };
    });
  },
};

async function haveLanes(store: Store, addresses: readonly string[], provider: string | null): Promise<void> {
  if (provider === null) return;
  for (const address of addresses) {
    const names = (await lanesOf(store, address)).map((lane) => lane.provider);
    if (names.includes(provider)) continue;
    throw badInput(`${address} has no lane for "${provider}": nothing is paused. It has ${names.join(', ')}`);
  }
}

interface Placed {
  readonly address: string;
  readonly hold: number;
  readonly placed: boolean;
  readonly says: string;
}

async function placeHolds(
  store: Store,
  addresses: readonly string[],
  provider: string | null,
  { actor, reason }: { readonly actor: string; readonly reason: string },
): Promise<Placed[]> {
  const scope = provider === null ? 'address' : 'lane';
  const rows = await tx(store, async (db) => {
    const rows = [];
    for (const address of addresses) {
      const target = provider === null ? address : laneTarget(address, provider);
      const hold = await placeHold(db, { scope, target, reach: 'cold', cause: 'operator', actor, reason });
      rows.push({ address, target, ...hold });
    }
    return rows;
  });
  const live = await liveHolds(store);
  return rows.map(({ address, target, id, placed }) => {
    const hold = live.find((one) => one.id === id);
    const since = hold === undefined ? 'before' : ago(hold.since, Date.now());
    const says = placed
      ? `in force: hold ${id} stops new cold mail of ${target}`
      : `in force since ${since}: hold ${id} of ${hold?.actor} (${hold?.reason}) stops new cold mail of ${target}`;
    return { address, hold: id, placed, says };
  });
}

function heard(told: Told): string {
  return told.outcome === 'answered'
    ? 'the workflow has recorded it'
    : `the workflow has not heard of it (${told.message}): the hold stands without it`;
}
