/** Puts the intake together: a tail for every feed with files, the listener for those with a webhook, and the second look. */
import { logOf } from '../import/outcomes/formats.ts';
import type { Store } from '../store/connect.ts';
import { joinLegacyEvents } from '../store/legacy-events.ts';
import { openFeed, openMessagesOf, positionsOf } from '../store/legacy-feeds.ts';
import { Intake } from './intake.ts';
import { Providers, type ResolveMx } from './providers.ts';
import type { FeedSettings, LegacyListener, Log, WebhookProof } from './settings.ts';
import { suppressTold } from './suppress.ts';
import { FeedTail } from './tail.ts';
import { type Door, openDoor } from './webhook/door.ts';
import { startWebhooks, type WebhookServer } from './webhook/server.ts';
import type { Fetch } from './webhook/sns.ts';

export interface LegacyOptions {
  readonly store: Store;
  readonly feeds: readonly FeedSettings[];
  readonly listener?: LegacyListener | undefined;
  readonly resolveMx: ResolveMx;
  readonly fetch: Fetch;
  /** Of our trace tokens; null: unknown here. */
  readonly traceKey: string | null;
  /** Days events are kept. */
  readonly keepDays: number;
  /** ms since 1970, and monotonic ms. */
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly log: Log;
}

export interface Legacy {
  /** Of the listener; null: no feed has a webhook. */
  readonly port: number | null;
  /** What was taken is kept before it resolves; idempotent. */
  stop(): Promise<void>;
}

/** An event may be here before the commit of our hand-over: it is looked at again this often, for this long. */
const AGAIN_MS = 20_000;
const AGAIN_FOR_MS = 90_000;
/** The first look goes back over what a process that died left behind. */
const FIRST_MS = 3_600_000;

/** Rejects when a feed has another format than before, or the listener's port is taken. */
export async function startLegacy(options: LegacyOptions): Promise<Legacy> {
  const { store, feeds, listener, traceKey, log, now } = options;
  const providers = new Providers(options.resolveMx, now);
  const doors = new Map<string, Door>();
  const tails: FeedTail[] = [];
  let server: WebhookServer | undefined;
  for (const feed of feeds) {
    const id = await openFeed(store, feed.name, feed.format);
    const intake = new Intake({ ...{ store, feed: id, providers, traceKey }, now, keepDays: options.keepDays, log });
    if (feed.files.length > 0) {
      const reading = logOf(feed, now);
      reading.memory?.open(await openMessagesOf(store, id));
      const positions = await positionsOf(store, id);
      const { name, files } = feed;
      tails.push(new FeedTail({ feed: name, files, reading, intake, positions, now: options.monotonic, log }));
    }
    if (hasWebhook(feed)) doors.set(feed.name, openDoor({ feed, intake, fetch: options.fetch, now, log }));
  }
  if (listener !== undefined && doors.size > 0) server = await startWebhooks(listener, doors, log);
  for (const tail of tails) tail.start();

  let again = FIRST_MS;
  let looking: Promise<void> | undefined;
  const look = () => {
    looking ??= joinLegacyEvents(store, now() - again, now(), (db, told) => suppressTold(db, told, now()))
      .then(() => {
        again = AGAIN_FOR_MS;
      })
      .catch((error: Error) => log('legacy-join-failed', { error: error.message }))
      .finally(() => {
        looking = undefined;
      });
  };
  const timer = setInterval(look, AGAIN_MS);
  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    clearInterval(timer);
    await server?.stop();
    await Promise.all(tails.map((tail) => tail.stop()));
    await looking;
  }
  return {
    port: server?.port ?? null,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function hasWebhook(feed: FeedSettings): feed is FeedSettings & { readonly webhook: WebhookProof } {
  return feed.webhook !== undefined;
}
