import { allCutovers, liveCutovers } from '../../store/cutovers.ts';
import { CONFIG_OPTION, type Command } from '../command.ts';
import { cutoverStatus } from '../cutover/gather.ts';
import { knownCutover } from '../cutover/known.ts';
import { renderCutover } from '../cutover/render.ts';
import { withStore } from '../instance.ts';
import { styleOf } from '../terminal/style.ts';

/** Reads PostgreSQL only. Without a pool: every live cutover, else the last of each pool. */
export const cutoverStatusCommand: Command = {
  usage: '[<pool>]',
  options: [CONFIG_OPTION],
  example: './rampart cutover status marketing',
  positionals: [0, 1],
  run(invocation) {
    const [front] = invocation.positionals;
    return withStore(invocation, async (store) => {
      const live = await liveCutovers(store);
      const rows =
        front !== undefined
          ? [await knownCutover(store, front)]
          : live.length > 0
            ? live
            : [...new Map((await allCutovers(store)).reverse().map((row) => [row.front, row])).values()];
      const cutovers = [];
      for (const row of rows) cutovers.push(await cutoverStatus(store, row));
      const now = Date.now();
      const style = styleOf(invocation.stdout, invocation.env);
      const none = ['no cutover yet: ./rampart cutover start POOL --from POOL'];
      const lines = cutovers.flatMap((one, at) => [...(at === 0 ? [] : ['']), ...renderCutover(one, now, style)]);
      return { json: { at: now, cutovers }, lines: cutovers.length === 0 ? none : lines };
    });
  },
};
