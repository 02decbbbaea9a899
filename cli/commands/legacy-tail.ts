import path from 'node:path';
import { takeStream } from '../../legacy/stream.ts';
import { FeedTail } from '../../legacy/tail.ts';
import { positionsOf } from '../../store/legacy-feeds.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { chosenFeed, FEED_OPTIONS } from '../legacy/feed.ts';
import { openChosen } from '../legacy/open.ts';

/** A pipe that says little is not waited for longer. */
const FLUSH_MS = 1_000;

/**
 * Follows a feed in the foreground, on a machine where no `rampart up` does: log files until it is told to end, or what an
 * engine writes to its standard input until that ends.
 */
export const legacyTail: Command = {
  usage: '[-|FILE…]',
  options: [...FEED_OPTIONS, CONFIG_OPTION],
  example: './rampart legacy tail - --format powermta',
  positionals: [0, Number.POSITIVE_INFINITY],
  async run(invocation) {
    const chosen = await chosenFeed(invocation);
    const given = invocation.positionals;
    const piped = given[0] === '-';
    if (piped && given.length > 1) throw badInput('"-" is standard input: give it alone, or files');
    const files = given.length > 0 ? given.map((file) => path.resolve(file)) : chosen.feed.files;
    if (files.length === 0) throw badInput(`feed "${chosen.feed.name}" names no files: give some, or - for a pipe`);
    return withStore(invocation, async (store) => {
      const log = (event: string, fields: Record<string, unknown> = {}) => {
        invocation.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n`);
      };
      const { id, reading, intake } = await openChosen(store, chosen, log);
      const told = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => told.abort());
      if (piped) {
        const chunks = process.stdin.setEncoding('utf8');
        told.signal.addEventListener('abort', () => process.stdin.destroy());
        const sum = await takeStream(chunks, reading, intake, { until: told.signal, flushMs: FLUSH_MS });
        return {
          json: { feed: chosen.feed.name, ...sum },
          lines: [`${sum.events} events read, ${sum.kept} new, ${sum.joined} of our mail`],
        };
      }
      const positions = await positionsOf(store, id);
      const tail = new FeedTail({
        feed: chosen.feed.name,
        files,
        reading,
        intake,
        positions,
        now: () => performance.now(),
        log,
      });
      tail.start();
      invocation.stdout.write(
        invocation.json
          ? `${JSON.stringify({ feed: chosen.feed.name, files })}\n`
          : `following ${files.join(', ')} for feed ${chosen.feed.name}; Ctrl-C ends it\n`,
      );
      await new Promise<void>((resolve) => told.signal.addEventListener('abort', () => resolve()));
      await tail.stop();
      return 0;
    });
  },
};
