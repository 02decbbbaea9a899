import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../store/connect.ts';
import { CONFIG_OPTION, type Command, type Invocation } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownAddress } from '../known-address.ts';
import { gatherStatus } from '../status/gather.ts';
import { renderStatus } from '../status/render.ts';
import { liveScreen } from '../terminal/live-screen.ts';
import { styleOf } from '../terminal/style.ts';

const EVERY_MS = 1_000;

/** Reads PostgreSQL only. With --watch it is drawn again every second; with --json too, each is a line. */
export const warmupStatus: Command = {
  usage: '[<ip>]',
  options: [{ name: 'watch', type: 'boolean', says: 'draw it again every second, until Ctrl-C' }, CONFIG_OPTION],
  example: './rampart warmup status 198.51.100.9 --watch',
  positionals: [0, 1],
  run(invocation) {
    const [ip] = invocation.positionals;
    return withStore(invocation, async (store) => {
      if (ip !== undefined) await knownAddress(store, ip);
      if (invocation.options.watch === true) return watch(invocation, store, ip);
      const now = Date.now();
      const addresses = await gatherStatus(store, now, ip);
      const lines = renderStatus(addresses, now, styleOf(invocation.stdout, invocation.env));
      const none = ['no addresses yet: add pools to the configuration and run ./rampart up'];
      return { json: { at: now, addresses }, lines: addresses.length === 0 ? none : lines };
    });
  },
};

async function watch(invocation: Invocation, store: Store, ip: string | undefined): Promise<number> {
  const { stdout, env, json } = invocation;
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const screen = liveScreen(stdout);
  while (!interrupted.signal.aborted) {
    const now = Date.now();
    const addresses = await gatherStatus(store, now, ip);
    if (json) stdout.write(`${JSON.stringify({ at: now, addresses })}\n`);
    else screen.draw(renderStatus(addresses, now, styleOf(stdout, env)));
    await sleep(EVERY_MS, undefined, { signal: interrupted.signal }).catch(() => {});
  }
  screen.done();
  return 0;
}
