/**
 * Puts the event role together: one look at the outbox for all sinks, one forwarder a sink, and the clearing of what is
 * too old. A process of its own, so that neither a slow sink nor the making of JSON takes time from sending mail.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RETRY_RULES, type RetryRules } from '../policy/event-retries.ts';
import type { Store } from '../store/connect.ts';
import { dropOldLetters } from '../store/event-dead-letters.ts';
import { dropOldLog, eventSource, outboxView } from '../store/event-outbox.ts';
import { registerSink } from '../store/event-sinks.ts';
import { Forwarder } from './forwarder.ts';
import { SafeHorizon } from './horizon.ts';
import { openSink, type SinkSettings } from './open.ts';
import { errorText } from './sink.ts';

export interface EventsOptions {
  readonly store: Store;
  readonly sinks: readonly SinkSettings[];
  /** This process, unique for its life. */
  readonly owner: string;
  /** Days that noted changes and dead letters are kept. */
  readonly keepDays: number;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
  /** Default: those of policy/. */
  readonly rules?: RetryRules;
  /** How long a sink stays with a process that does not renew, ms. */
  readonly leaseMs?: number;
}

const LEASE_MS = 10_000;
/** Between looks at the outbox; shorter while a look waits for writers to end. */
const LOOK_MS = 200;
const LOOK_AGAIN_MS = 25;
/** A writer that holds everybody up for so long is named, ms. */
const HELD_UP_MS = 30_000;
const CLEAR_MS = 3_600_000;
const CLEAR_ROWS = 5_000;

/** Starts to send; stop() waits for what is on its way. */
export async function startEvents(options: EventsOptions): Promise<{ stop(): Promise<void> }> {
  const { store, sinks, owner, keepDays, now, random, log } = options;
  for (const { name, kind } of sinks) await registerSink(store, name, kind);
  const source = await eventSource(store);
  const horizon = new SafeHorizon();
  const stopped = new AbortController();
  const until = (ms: number) => sleep(ms, undefined, { signal: stopped.signal }).catch(() => {});

  const forwarders = sinks.map(
    (settings) =>
      new Forwarder({
        store,
        sink: openSink(settings, now),
        filter: settings.filter,
        horizon,
        source,
        owner,
        leaseMs: options.leaseMs ?? LEASE_MS,
        rules: options.rules ?? RETRY_RULES,
        random,
        log,
      }),
  );
  const looking = look();
  const clearing = clear();
  for (const forwarder of forwarders) forwarder.start();

  async function look(): Promise<void> {
    let said = false;
    while (!stopped.signal.aborted) {
      try {
        horizon.look(await outboxView(store), now());
        const waiting = horizon.waitingSince === undefined ? 0 : now() - horizon.waitingSince;
        if (waiting > HELD_UP_MS && !said) log('events-held-up', { ms: waiting, by: horizon.waitingFor });
        said = waiting > HELD_UP_MS;
      } catch (error) {
        log('events-look-failed', { error: errorText(error) });
        await until(1_000);
      }
      await until(horizon.waitingSince === undefined ? LOOK_MS : LOOK_AGAIN_MS);
    }
  }

  async function clear(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        while ((await dropOldLog(store, keepDays, CLEAR_ROWS)) === CLEAR_ROWS && !stopped.signal.aborted);
        const letters = await dropOldLetters(store, keepDays);
        if (letters > 0) log('events-dead-letters-dropped', { letters, days: keepDays });
      } catch (error) {
        log('events-clearing-failed', { error: errorText(error) });
      }
      await until(CLEAR_MS);
    }
  }

  let stopping: Promise<void> | undefined;
  async function stop(): Promise<void> {
    stopped.abort();
    await Promise.all([...forwarders.map((one) => one.stop()), looking, clearing]);
  }
  return {
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}
