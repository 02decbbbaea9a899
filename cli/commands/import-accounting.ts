import { createHash } from 'node:crypto';
import path from 'node:path';
import type { DayCount } from '../../import/accounting/tally.ts';
import { isZone } from '../../import/times.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { replaceLegacyVolumes } from '../../store/legacy-volumes.ts';
import { badInput, CONFIG_OPTION, type Command, type Invocation, text } from '../command.ts';
import { loadConfig } from '../config/load.ts';
import { sumOf } from '../import/log-file.ts';
import { withStore } from '../instance.ts';
import { ACTOR_OPTION, by } from '../temporal-command.ts';
import { table } from '../terminal/table.ts';

const DAY_MS = 24 * 3_600_000;

/** Takes over what another engine delivered, so that lanes start at the stage they have earned. */
export const importAccounting: Command = {
  usage: '<FILE>…',
  options: [
    { name: 'time-zone', type: 'string', value: 'ZONE', says: 'of times in the files that name none (default: UTC)' },
    { name: 'dry-run', type: 'boolean', says: 'add up and show, keep nothing' },
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example: './rampart import accounting /var/log/pmta/acct-*.csv --time-zone America/New_York',
  positionals: [1, Number.POSITIVE_INFINITY],
  async run(invocation) {
    const timeZone = text(invocation, 'time-zone') ?? 'UTC';
    if (!isZone(timeZone)) throw badInput(`--time-zone is "${timeZone}": give a name such as Europe/Berlin`);
    const { actor } = by(invocation, 'imported');
    const now = Date.now();
    const options = {
      timeZone,
      dayZone: await dayZone(invocation),
      since: now - DEFAULTS.earned.lookbackDays * DAY_MS,
      // A clock that is a little ahead is no reason to lose a day's mail.
      until: now + 3_600_000,
    };
    const told: { file: string; kept: string; sum: Awaited<ReturnType<typeof sumOf>> }[] = [];
    const keep = async (file: string, save: (sum: Awaited<ReturnType<typeof sumOf>>) => Promise<string>) => {
      const sum = await sumOf(path.resolve(file), options);
      told.push({ file, sum, kept: await save(sum) });
    };
    if (invocation.options['dry-run'] === true) {
      for (const file of invocation.positionals) await keep(file, async () => 'dry run');
    } else {
      await withStore(invocation, async (store) => {
        for (const file of invocation.positionals) {
          await keep(file, async (sum) => {
            if (sum.records === 0) return 'empty';
            const { format, records, first, last, days, head } = sum;
            const id = createHash('sha256').update(head).digest();
            const source = { id, name: path.basename(file), format, records, first, last };
            return replaceLegacyVolumes(store, source, days, actor);
          });
        }
      });
    }
    const sums = lanes(told.flatMap(({ sum }) => sum.days));
    return {
      json: {
        files: told.map(({ file, kept, sum: { head: _, days: __, ...sum } }) => ({ file, kept, ...sum })),
        days: told.flatMap(({ sum }) => sum.days),
      },
      lines: [
        ...table(
          ['file', 'records', 'kept as', 'left out'],
          told.map(({ file, kept, sum }) => [
            path.basename(file),
            sum.records.toLocaleString('en'),
            kept,
            leftOut(sum),
          ]),
        ),
        '',
        ...(sums.length === 0
          ? ['no deliveries of the last 30 days']
          : table(['address', 'provider', 'days', 'delivered', 'best day'], sums)),
      ],
    };
  },
};

/** Days end where those of the lanes end. */
async function dayZone(invocation: Invocation): Promise<string> {
  const { calendar } = await loadConfig({ file: text(invocation, 'config'), env: invocation.env });
  return calendar.kind === 'civil' ? calendar.zone : 'UTC';
}

function leftOut(sum: Awaited<ReturnType<typeof sumOf>>): string {
  const parts = [
    sum.outside > 0 ? `${sum.outside} older than 30 days` : '',
    sum.addressless > 0 ? `${sum.addressless} without an IPv4 address` : '',
    sum.unreadable > 0 ? `${sum.unreadable} unreadable` : '',
    sum.cutOff ? 'it is still being written' : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function lanes(days: readonly DayCount[]): string[][] {
  const sums = new Map<string, { address: string; provider: string; days: Map<string, number> }>();
  for (const { address, provider, day, messages } of days) {
    const key = `${address} ${provider}`;
    const lane = sums.get(key) ?? { address, provider, days: new Map<string, number>() };
    lane.days.set(day, (lane.days.get(day) ?? 0) + messages);
    sums.set(key, lane);
  }
  return [...sums.values()].map(({ address, provider, days: byDay }) => {
    const all = [...byDay.values()];
    const total = all.reduce((sum, messages) => sum + messages, 0);
    return [address, provider, String(all.length), total.toLocaleString('en'), Math.max(...all).toLocaleString('en')];
  });
}
