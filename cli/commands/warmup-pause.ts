import { laneTarget } from '../../policy/holds.ts';
import { tx } from '../../store/connect.ts';
import { liveHolds, placeHold } from '../../store/holds.ts';
import { CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownAddress, knownLanes } from '../known-address.ts';
import { ACTOR_OPTION, by, REASON_OPTION, tellWorkflow } from '../temporal-command.ts';
import { ago } from '../terminal/time.ts';

/** A pause is in force before Temporal is asked; the workflow only has to hear of it. */
const LIMIT_MS = 3_000;

/** Commits one hold row, which alone stops new cold mail, then tells the workflow if it can. */
export const warmupPause: Command = {
  usage: '<ip>',
  options: [
    { name: 'provider', type: 'string', value: 'P', says: 'only this lane (default: the whole address)' },
    REASON_OPTION,
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example:
    "./rampart warmup pause 198.51.100.9 --provider microsoft-consumer --reason 'complaints from Monday's mailing'",
  positionals: [1, 1],
  async run(invocation) {
    const ip = invocation.positionals[0] ?? '';
    const provider = text(invocation, 'provider');
    const order = by(invocation);
    const { actor, reason } = order;
    return withStore(invocation, async (store, instance) => {
      await knownAddress(store, ip);
      await knownLanes(store, ip, provider);
      const scope = provider === undefined ? 'address' : 'lane';
      const target = provider === undefined ? ip : laneTarget(ip, provider);
      const { id, placed } = await tx(store, (db) =>
        placeHold(db, { scope, target, reach: 'cold', cause: 'operator', actor, reason }),
      );
      const hold = (await liveHolds(store)).find((live) => live.id === id);
      const held = placed
        ? `in force: hold ${id} stops new cold mail of ${target}`
        : `in force since ${hold === undefined ? 'before' : ago(hold.since, Date.now())}: hold ${id} of ${hold?.actor} (${hold?.reason}) stops new cold mail of ${target}`;
      // People see it at once; whoever waits for Temporal may stop waiting.
      if (!invocation.json) invocation.stdout.write(`${held}\n`);
      const told = await tellWorkflow(instance, LIMIT_MS, (temporal) =>
        temporal.pause(ip, { ...order, provider: provider ?? null, hold: id }),
      );
      const note =
        told.outcome === 'answered'
          ? 'the workflow has recorded it'
          : `the workflow has not heard of it (${told.message}): the hold stands without it`;
      return {
        json: { address: ip, provider: provider ?? null, hold: id, placed, workflow: told.outcome, says: held, note },
        lines: [note],
      };
    });
  },
};
