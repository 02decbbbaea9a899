import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../store/connect.ts';
import { liveHolds } from '../../store/holds.ts';
import { processRows } from '../../store/processes.ts';
import { laneFlows, queueTotals } from '../../store/queue-views.ts';
import { CONFIG_OPTION, type Command, type Invocation } from '../command.ts';
import { withStore } from '../instance.ts';
import { holdText } from '../status/hold-text.ts';
import { liveScreen } from '../terminal/live-screen.ts';
import { type Style, styleOf } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';

const EVERY_MS = 1_000;
const WINDOW_S = 60;

/** What the MTA does now: processes, queue, each lane's last minute, what is stopped. Reads PostgreSQL only. */
export const mtaTop: Command = {
  usage: '',
  options: [{ name: 'once', type: 'boolean', says: 'show it once, and end' }, CONFIG_OPTION],
  example: './rampart mta top',
  positionals: [0, 0],
  run(invocation) {
    return withStore(invocation, async (store) => {
      const style = styleOf(invocation.stdout, invocation.env);
      if (invocation.options.once === true || (invocation.json && invocation.stdout.isTTY !== true)) {
        const seen = await look(store);
        return { json: seen, lines: render(seen, style) };
      }
      return watch(invocation, store, style);
    });
  },
};

async function look(store: Store) {
  const [processes, totals, lanes, holds] = await Promise.all([
    processRows(store),
    queueTotals(store),
    laneFlows(store, WINDOW_S),
    liveHolds(store),
  ]);
  return { at: Date.now(), processes, totals, lanes, holds };
}

type Seen = Awaited<ReturnType<typeof look>>;

function render({ processes, totals, lanes, holds }: Seen, style: Style): string[] {
  const mtas = processes.filter((one) => one.role === 'mta');
  const living = mtas.filter((one) => one.alive);
  const state = `${living.length} of ${mtas.length} MTA processes alive`;
  const rate = (count: number) => (count / WINDOW_S).toFixed(1);
  // What was never started and tries nothing is no news.
  const shown = lanes.filter(({ phase, attempts }) => phase !== 'planned' || attempts > 0);
  const rows = shown.map((lane) => [
    lane.address,
    lane.provider,
    lane.pool,
    lane.phase,
    rate(lane.attempts),
    rate(lane.delivered),
    rate(lane.deferred),
    rate(lane.bounced),
    rate(lane.blocked),
  ]);
  const heading = [
    'address',
    'provider',
    'pool',
    'phase',
    'tried/s',
    'delivered/s',
    'deferred/s',
    'bounced/s',
    'blocked/s',
  ];
  return [
    `${living.length === mtas.length && living.length > 0 ? style.good(state) : style.bad(state)}; queue: ${totals.waiting} wait, ${totals.due} due, ${totals.claimed} in hand, ${totals.unrouted} not routed`,
    ...holds.map((hold) => style.bad(holdText(hold))),
    `the last ${WINDOW_S} s:`,
    ...table(heading, rows),
    ...(shown.length === lanes.length ? [] : [`not shown: ${lanes.length - shown.length} lanes that are not started`]),
  ];
}

async function watch(invocation: Invocation, store: Store, style: Style): Promise<number> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const screen = liveScreen(invocation.stdout);
  while (!interrupted.signal.aborted) {
    const seen = await look(store);
    if (invocation.json) invocation.stdout.write(`${JSON.stringify(seen)}\n`);
    else screen.draw(render(seen, style));
    await sleep(EVERY_MS, undefined, { signal: interrupted.signal }).catch(() => {});
  }
  screen.done();
  return 0;
}
