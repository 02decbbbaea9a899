/** Opens a feed for a command that reads it once, or follows it by itself. */

import type { Log as LegacyLog } from '../../import/outcomes/event.ts';
import { logOf } from '../../import/outcomes/formats.ts';
import { Intake } from '../../legacy/intake.ts';
import { Providers } from '../../legacy/providers.ts';
import type { Log } from '../../legacy/settings.ts';
import type { Store } from '../../store/connect.ts';
import { openFeed, openMessagesOf } from '../../store/legacy-feeds.ts';
import { badInput } from '../command.ts';
import type { ChosenFeed } from './feed.ts';

export interface OpenFeed {
  readonly id: number;
  readonly intake: Intake;
  readonly reading: LegacyLog;
}

/** Throws CliError `bad-input` when the feed has another format. */
export async function openChosen(store: Store, chosen: ChosenFeed, log: Log): Promise<OpenFeed> {
  const { feed, resolveMx, traceKey, keepDays } = chosen;
  const now = () => Date.now();
  const id = await openFeed(store, feed.name, feed.format).catch((error: Error) => {
    throw /is of format/.test(error.message) ? badInput(error.message) : error;
  });
  const reading = logOf(feed, now);
  reading.memory?.open(await openMessagesOf(store, id));
  return {
    id,
    reading,
    intake: new Intake({ store, feed: id, providers: new Providers(resolveMx, now), traceKey, now, keepDays, log }),
  };
}
