import { stat } from 'node:fs/promises';
import path from 'node:path';
import { isCutOff, textOf } from '../../legacy/packed-text.ts';
import { type StreamSum, takeStream } from '../../legacy/stream.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { chosenFeed, FEED_OPTIONS } from '../legacy/feed.ts';
import { openChosen } from '../legacy/open.ts';
import { table } from '../terminal/table.ts';

/** Reads logs of another engine once, from their beginning. What is known already is passed over. */
export const legacyImport: Command = {
  usage: '<FILE>…',
  options: [...FEED_OPTIONS, CONFIG_OPTION],
  example: './rampart legacy import /var/log/pmta/acct-*.csv --format powermta',
  positionals: [1, Number.POSITIVE_INFINITY],
  async run(invocation) {
    const chosen = await chosenFeed(invocation);
    for (const file of invocation.positionals) {
      const found = await stat(file).catch(() => undefined);
      if (found === undefined) throw badInput(`there is no file ${file}`);
      if (!found.isFile()) throw badInput(`${file} is no file: name the logs themselves`);
    }
    return withStore(invocation, async (store) => {
      const log = (event: string, fields = {}) => {
        if (!invocation.json) invocation.stderr.write(`${event} ${JSON.stringify(fields)}\n`);
      };
      const { reading, intake } = await openChosen(store, chosen, log);
      const told: ({ readonly file: string; readonly cutOff: boolean } & StreamSum)[] = [];
      for (const file of invocation.positionals) {
        let cutOff = false;
        const sum = await takeStream(
          wholeOr(file, () => {
            cutOff = true;
          }),
          reading,
          intake,
        );
        told.push({ file, cutOff, ...sum });
      }
      return {
        json: { feed: chosen.feed.name, format: chosen.feed.format, files: told },
        lines: table(
          ['file', 'events', 'new', 'known already', 'of our mail', 'left out'],
          told.map((one) => [
            path.basename(one.file),
            ...[one.events, one.kept, one.repeated, one.joined].map((n) => n.toLocaleString('en')),
            leftOut(one, chosen.keepDays),
          ]),
        ),
      };
    });
  },
};

/** The text of a file; one that ends within a compressed block ends there. */
async function* wholeOr(file: string, cutOff: () => void): AsyncGenerator<string> {
  try {
    for await (const chunk of await textOf(file)) yield chunk as string;
  } catch (error) {
    if (!isCutOff(error)) throw badInput(`${file} can not be read: ${(error as Error).message}`);
    cutOff();
  }
}

function leftOut({ unreadable, tooOld, cutOff }: StreamSum & { readonly cutOff: boolean }, days: number): string {
  const parts = [
    tooOld > 0 ? `${tooOld} older than ${days} days` : '',
    unreadable > 0 ? `${unreadable} unreadable` : '',
    cutOff ? 'it is still being written' : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}
