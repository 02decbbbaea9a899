import { type FeedRow, feedRows } from '../../store/legacy-feeds.ts';
import { CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { table } from '../terminal/table.ts';
import { ago } from '../terminal/time.ts';

/** How every feed of another engine's events fares, and how much of what it says is about mail of ours. */
export const legacyStatus: Command = {
  usage: '',
  options: [CONFIG_OPTION],
  example: './rampart legacy status',
  positionals: [0, 0],
  run(invocation) {
    return withStore(invocation, async (store) => {
      const now = Date.now();
      const feeds = await feedRows(store);
      const rows = feeds.map((feed) => [
        feed.name,
        feed.format,
        feed.events.toLocaleString('en'),
        feed.lastAt === null ? 'never' : ago(feed.lastAt, now),
        feed.heardAt === null ? 'never' : ago(feed.heardAt, now),
        feed.lately.toLocaleString('en'),
        share(feed.joined, feed.lately),
        trouble(feed),
      ]);
      const heading = ['feed', 'format', 'events', 'newest', 'heard', 'last day', 'of our mail', 'trouble'];
      return {
        json: { at: now, feeds },
        lines: feeds.length === 0 ? ['no feeds: see docs/legacy-events.md'] : table(heading, rows),
      };
    });
  },
};

function share(joined: number, of: number): string {
  return of === 0 ? '' : `${((100 * joined) / of).toFixed(1)}%`;
}

function trouble(feed: FeedRow): string {
  const parts = [
    feed.lately > 0 && feed.anonymous === feed.lately ? 'no event has a Message-ID: docs/legacy-events.md' : '',
    feed.unreadable > 0 ? `${feed.unreadable.toLocaleString('en')} records unreadable` : '',
    feed.tooOld > 0 ? `${feed.tooOld.toLocaleString('en')} too old` : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}
