import { coversAddress, type Hold, laneTarget } from '../../policy/holds.ts';
import { tx } from '../../store/connect.ts';
import { clearHolds, liveHolds } from '../../store/holds.ts';
import { badInput, CliError, CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownAddress, knownLanes } from '../known-address.ts';
import { holdText } from '../status/hold-text.ts';
import { ACTOR_OPTION, by, REASON_OPTION, tellWorkflow } from '../temporal-command.ts';

const LIMIT_MS = 5_000;

/**
 * Lifts the operator's holds it sees, and names them. A lane the provider refused (an incident) is released only when
 * it is named: a person answers for that it was delisted. Holds of gates stay.
 */
export const warmupResume: Command = {
  usage: '<ip>',
  options: [
    { name: 'provider', type: 'string', value: 'P', says: 'only this lane (default: the address and all its lanes)' },
    REASON_OPTION,
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example: "./rampart warmup resume 198.51.100.9 --reason 'mailing was stopped'",
  positionals: [1, 1],
  async run(invocation) {
    const ip = invocation.positionals[0] ?? '';
    const provider = text(invocation, 'provider');
    const order = by(invocation);
    return withStore(invocation, async (store, instance) => {
      await knownAddress(store, ip);
      await knownLanes(store, ip, provider);
      const live = (await liveHolds(store)).filter((hold) => coversAddress(hold, ip));
      const seen = liftable(live, ip, provider);
      const told = await tellWorkflow(instance, LIMIT_MS, (temporal) =>
        temporal.resume(ip, { ...order, provider: provider ?? null, holds: seen.map((hold) => hold.id) }),
      );
      if (told.outcome === 'refused') throw badInput(told.message);
      const ids = seen.map((hold) => hold.id);
      // An operator's own hold needs nobody's leave; releasing a refused lane is the workflow's.
      const own = seen.filter((hold) => hold.cause === 'operator').map((hold) => hold.id);
      const cleared = told.outcome === 'silent' ? await tx(store, (db) => clearHolds(db, own, order)) : ids;
      const after = await liveHolds(store);
      const stays = after.filter((hold) => ids.includes(hold.id));
      if (stays.length > 0)
        throw new CliError(
          'not-lifted',
          `${holdText(stays[0] as Hold)} is still in force: run it again${told.outcome === 'silent' ? ' when the worker runs' : ''}`,
        );
      const others = after.filter((hold) => live.some((before) => before.id === hold.id));
      const note =
        told.outcome === 'silent'
          ? `the workflow has not heard of it (${told.message}): lifted without it`
          : 'the workflow has recorded it';
      return {
        json: {
          address: ip,
          provider: provider ?? null,
          lifted: ids,
          cleared,
          workflow: told.outcome,
          note,
          stillHeld: others,
        },
        lines: [
          ...seen.map((hold) => `lifted: ${holdText(hold)}`),
          note,
          ...others.map((hold) => `still in force: ${holdText(hold)}`),
        ],
      };
    });
  },
};

/** Stops that wait for a person: an incident, or a gate whose plan says `pause`. */
function isStop(hold: Hold): boolean {
  return /^(incident|pause):/.test(hold.cause);
}

function liftable(live: readonly Hold[], ip: string, provider: string | undefined): Hold[] {
  // What stopped the whole address is lifted by naming the address; a lane's own stop by naming the lane.
  const own = live.filter((hold) => hold.cause === 'operator' || (hold.scope === 'address' && isStop(hold)));
  const wanted =
    provider === undefined
      ? own
      : live.filter((hold) => (hold.cause === 'operator' || isStop(hold)) && hold.target === laneTarget(ip, provider));
  if (wanted.length > 0) return wanted;
  const onAddress = own.find((hold) => hold.scope === 'address');
  if (provider !== undefined && onAddress !== undefined) {
    throw badInput(`the pause is on the whole address (${holdText(onAddress)}): resume it without --provider`);
  }
  const where = provider === undefined ? ip : `the ${provider} lane of ${ip}`;
  const other = live.find(
    (hold) => provider === undefined || hold.target === laneTarget(ip, provider) || hold.scope === 'address',
  );
  const held = other === undefined ? '' : ` (${holdText(other)} is not yours to lift)`;
  throw badInput(`nothing to resume: no operator's pause on ${where}${held}; see ./rampart warmup status ${ip}`);
}
