import { ladderOf, rungText } from '../../policy/cutover/ladder.ts';
import { sharesOf } from '../../store/cutover-shares.ts';
import { cutoverDecisions } from '../../store/cutovers.ts';
import { CONFIG_OPTION, type Command } from '../command.ts';
import { knownCutover } from '../cutover/known.ts';
import { decisionLines } from '../cutover/render.ts';
import { withStore } from '../instance.ts';
import { styleOf } from '../terminal/style.ts';

/** Windows are counted in an int4, from before 1970 on. */
const FIRST_WINDOW = -2_147_483_648;

/** Every decision of a pool's cutover, oldest first; with --json its evidence and each window's shares too. */
export const cutoverHistory: Command = {
  usage: '<pool>',
  options: [CONFIG_OPTION],
  example: './rampart cutover history marketing',
  positionals: [1, 1],
  run(invocation) {
    return withStore(invocation, async (store) => {
      const row = await knownCutover(store, invocation.positionals[0] ?? '');
      const decisions = await cutoverDecisions(store, row.id);
      const ladder = ladderOf(row.plan, row.scope);
      const zone = row.calendar.kind === 'civil' ? row.calendar.zone : 'UTC';
      const style = styleOf(invocation.stdout, invocation.env);
      const shares = await sharesOf(store, row.id, FIRST_WINDOW);
      return {
        json: { cutover: row.id, front: row.front, decisions, shares },
        lines: decisions.flatMap((one) => decisionLines(one, (rung) => rungText(ladder, rung), zone, style)),
      };
    });
  },
};
