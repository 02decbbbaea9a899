import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../store/connect.ts';
import { poolNames } from '../../store/lanes.ts';
import { waitingAddresses } from '../../store/ranges.ts';
import { badInput, CONFIG_OPTION, type Command, type Invocation, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { knownAddress } from '../known-address.ts';
import { gatherStatus, type Wanted } from '../status/gather.ts';
import { rangeView, renderRange } from '../status/range-view.ts';
import { renderStatus } from '../status/render.ts';
import { addressesOf } from '../targets.ts';
import { liveScreen } from '../terminal/live-screen.ts';
import { styleOf } from '../terminal/style.ts';

const EVERY_MS = 1_000;

/** Reads PostgreSQL only. With --watch it is drawn again every second; with --json too, each is a line. */
export const warmupStatus: Command = {
  usage: '[<ip>]',
  options: [
    { name: 'range', type: 'string', value: 'RANGE', says: 'a line for each of these addresses, 198.51.100.8/29' },
    { name: 'pool', type: 'string', value: 'NAME', says: 'a line for each address of this pool' },
    { name: 'watch', type: 'boolean', says: 'draw it again every second, until Ctrl-C' },
    CONFIG_OPTION,
  ],
  example: './rampart warmup status 198.51.100.9 --watch',
  positionals: [0, 1],
  run(invocation) {
    const [ip] = invocation.positionals;
    const [range, pool] = [text(invocation, 'range'), text(invocation, 'pool')];
    if (ip !== undefined && (range !== undefined || pool !== undefined))
      throw badInput('name one address, or --range and --pool: not both');
    return withStore(invocation, async (store) => {
      if (ip !== undefined) await knownAddress(store, ip);
      if (range === undefined && pool !== undefined) await knownPool(store, pool);
      const chosen = ip !== undefined ? [ip] : range === undefined ? undefined : await ofRange(store, range, pool);
      const wanted: Wanted = { pool, ...(chosen === undefined ? {} : { addresses: chosen }) };
      const look = range === undefined && pool === undefined ? everyLane : everyAddress;
      const again = () => look(invocation, store, wanted);
      return invocation.options.watch === true ? watch(invocation, again) : again();
    });
  },
};

interface Look {
  readonly json: unknown;
  readonly lines: readonly string[];
}

async function everyLane(invocation: Invocation, store: Store, wanted: Wanted): Promise<Look> {
  const now = Date.now();
  const addresses = await gatherStatus(store, now, wanted);
  const lines = renderStatus(addresses, now, styleOf(invocation.stdout, invocation.env));
  const none = ['no addresses yet: add pools to the configuration and run ./rampart up'];
  return { json: { at: now, addresses }, lines: addresses.length === 0 ? none : lines };
}

async function everyAddress(invocation: Invocation, store: Store, wanted: Wanted): Promise<Look> {
  const now = Date.now();
  const found = await gatherStatus(store, now, wanted);
  const begins = new Map((await waitingAddresses(store)).map(({ address, dueAt }) => [address, dueAt]));
  const addresses = rangeView(found, begins);
  const zone = found[0]?.zone ?? 'UTC';
  return {
    json: { at: now, addresses },
    lines: renderRange(addresses, zone, styleOf(invocation.stdout, invocation.env), now),
  };
}

/** Known addresses of a range, as the verbs choose them: a /29 whose gateway is no address of ours is looked at all the same. */
async function ofRange(store: Store, range: string, pool: string | undefined): Promise<string[]> {
  if (pool !== undefined) await knownPool(store, pool);
  const rows = await addressesOf(store, [range]);
  const mine = rows.filter((row) => pool === undefined || row.pool === pool);
  if (mine.length === 0) throw badInput(`${range} holds no address of pool ${pool}: leave --pool out`);
  return mine.map(({ address }) => address);
}

async function knownPool(store: Store, pool: string): Promise<void> {
  const names = await poolNames(store);
  if (!names.includes(pool)) throw badInput(`no pool is called "${pool}": there is ${names.join(', ') || 'none'}`);
}

async function watch(invocation: Invocation, look: () => Promise<Look>): Promise<number> {
  const { stdout, json } = invocation;
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const screen = liveScreen(stdout);
  while (!interrupted.signal.aborted) {
    const found = await look();
    if (json) stdout.write(`${JSON.stringify(found.json)}\n`);
    else screen.draw(found.lines);
    await sleep(EVERY_MS, undefined, { signal: interrupted.signal }).catch(() => {});
  }
  screen.done();
  return 0;
}
