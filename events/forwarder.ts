/**
 * Sends one sink its events: reads the outbox from where the sink stands, sends a batch, and moves on when the sink has
 * confirmed it. What was sent and not confirmed is sent again: at least once, in order.
 *
 * Three positions, three orders of business. Operations (decisions, holds, incidents) go first: they never wait behind a
 * backlog of mail. Then attempts, up to an end that is fixed for the round; then what was noted about mail up to the
 * same moment (complaints, late bounces, suppressions), so that a complaint never comes before its delivery.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type EventFilter, wanted } from '../policy/event-kinds.ts';
import { afterFailure, type RetryRules } from '../policy/event-retries.ts';
import { type Store, tx } from '../store/connect.ts';
import { addNotice } from '../store/decisions.ts';
import { bury, dropLetters, keepLetters, lettersToReplay } from '../store/event-dead-letters.ts';
import { attemptFacts, droppedTo, logFacts, type OutboxEnds } from '../store/event-outbox.ts';
import {
  disableSink,
  holdSink,
  moveSink,
  noteFailure,
  noteMissed,
  noteWell,
  releaseSink,
  type SinkPositions,
} from '../store/event-sinks.ts';
import { attemptEvent, type CloudEvent, logEvent, type RampartEvent } from './envelope.ts';
import type { SafeHorizon } from './horizon.ts';
import { errorText, type Sink, type SinkProblem } from './sink.ts';

export interface ForwarderOptions {
  readonly store: Store;
  readonly sink: Sink;
  readonly filter: EventFilter;
  readonly horizon: SafeHorizon;
  /** This installation, in events. */
  readonly source: string;
  /** This process, unique for its life. */
  readonly owner: string;
  readonly leaseMs: number;
  readonly rules: RetryRules;
  readonly random: () => number;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

/** Events on their way, and where the sink stands once it has them. */
interface Batch {
  /** Not confirmed yet; `to` is where the sink stands after this one. */
  rest: readonly { readonly event: RampartEvent; readonly to: SinkPositions; readonly letter?: number }[];
  readonly to: SinkPositions;
  confirmed: number;
}

const LOOK_MS = 50;
/** A batch in flight when the process is told to stop would be sent twice. */
const GRACE_MS = 5_000;
const LETTERS_EVERY_MS = 1_000;

export class Forwarder {
  readonly #o: ForwarderOptions;
  readonly #stop = new AbortController();
  /** Ends what is being sent when the sink is another process's. */
  #lost = new AbortController();
  #positions: SinkPositions | undefined;
  #round: OutboxEnds | undefined;
  #batch: Batch | undefined;
  /** Events a batch may have: less while a bad one is looked for. */
  #room: number;
  /** Failures in a row. */
  #tries = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  #lettersAt = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;

  constructor(options: ForwarderOptions) {
    this.#o = options;
    this.#room = options.sink.batch;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Waits a little for what is being sent, then lets another process have the sink. */
  async stop(): Promise<void> {
    this.#stop.abort();
    const late = setTimeout(() => this.#lost.abort(), GRACE_MS);
    await this.#running;
    clearTimeout(late);
  }

  async #run(): Promise<void> {
    const { store, sink, owner, leaseMs, log } = this.#o;
    const renewal = setInterval(() => void this.#renew(), leaseMs / 3);
    while (!this.#stop.signal.aborted) {
      try {
        if (!(await this.#owned())) await this.#pause(1_000);
        else if (!(await this.#step())) await this.#pause(LOOK_MS);
      } catch (error) {
        // The store is gone: where the sink stands is in doubt until it is back.
        log('events-failed', { sink: sink.name, error: errorText(error) });
        this.#letGo();
        await this.#pause(1_000);
      }
    }
    clearInterval(renewal);
    await releaseSink(store, sink.name, owner).catch(() => {});
    await sink.close();
  }

  async #owned(): Promise<boolean> {
    if (this.#positions !== undefined) return true;
    const { store, sink, owner, leaseMs } = this.#o;
    const held = await holdSink(store, sink.name, owner, leaseMs);
    if (held === null || held.disabled) return false;
    this.#positions = held.positions;
    return true;
  }

  async #renew(): Promise<void> {
    const { store, sink, owner, leaseMs, log } = this.#o;
    const before = this.#positions;
    if (before === undefined) return;
    try {
      const held = await holdSink(store, sink.name, owner, leaseMs);
      if (held === null) {
        log('events-sink-lost', { sink: sink.name });
        this.#letGo();
      } else if (
        held.disabled ||
        (this.#positions === before && this.#batch === undefined && differ(held.positions, before))
      )
        // Set back by somebody: begin from there.
        this.#letGo();
    } catch (error) {
      log('events-renewal-failed', { sink: sink.name, error: errorText(error) });
    }
  }

  #letGo(): void {
    this.#lost.abort();
    this.#lost = new AbortController();
    this.#positions = undefined;
    this.#round = undefined;
    this.#batch = undefined;
  }

  /** One batch, or one look. False: there was nothing to do. */
  async #step(): Promise<boolean> {
    const positions = this.#positions;
    if (positions === undefined) return true;
    this.#batch ??= await this.#next(positions);
    const batch = this.#batch;
    if (batch === undefined) return false;
    if (batch.rest.length === 0) {
      await this.#moveOn(positions, batch);
      return true;
    }
    const { sink } = this.#o;
    const full = batch.rest.length >= this.#room;
    const linger = full || this.#tries > 0 ? 0 : this.#sentAt + sink.lingerMs - performance.now();
    if (linger > 0) {
      // Read again when it has waited: there may be more by then.
      this.#batch = undefined;
      await this.#pause(linger);
      if (this.#positions === undefined) return true;
      this.#batch = await this.#next(this.#positions);
    }
    await this.#send();
    return true;
  }

  async #send(): Promise<void> {
    const batch = this.#batch;
    const positions = this.#positions;
    if (batch === undefined || positions === undefined) return;
    const { sink, store, owner } = this.#o;
    const { signal } = this.#lost;
    this.#sentAt = performance.now();
    const { confirmed, problem } = await sink.send(
      batch.rest.map(({ event }) => event),
      signal,
    );
    if (this.#batch !== batch) return;
    const done = batch.rest.filter(({ event }) => confirmed.has(event.envelope.id));
    const letters = done.flatMap(({ letter }) => letter ?? []);
    if (letters.length > 0) await dropLetters(store, letters);
    batch.confirmed += done.length;
    batch.rest = batch.rest.filter(({ event }) => !confirmed.has(event.envelope.id));
    if (problem !== null && batch.rest.length > 0) {
      if (!signal.aborted) await this.#failed(batch, positions, problem);
      return;
    }
    if (this.#tries > 0) {
      this.#tries = 0;
      await noteWell(store, sink.name, owner);
      this.#o.log('events-sink-well', { sink: sink.name });
    }
    this.#room = Math.min(sink.batch, this.#room * 2);
    await this.#moveOn(positions, batch);
  }

  async #failed(batch: Batch, positions: SinkPositions, problem: SinkProblem): Promise<void> {
    const { sink, store, owner, rules, random, log } = this.#o;
    this.#tries += 1;
    const failingMs = await noteFailure(store, sink.name, owner, problem.says);
    const step = afterFailure(
      {
        kind: problem.kind,
        tries: this.#tries,
        failingMs,
        events: batch.rest.length,
        ...(problem.retryAfterMs === undefined ? {} : { retryAfterMs: problem.retryAfterMs }),
      },
      rules,
      random(),
    );
    log('events-not-taken', { sink: sink.name, events: batch.rest.length, says: problem.says, next: step.do });
    if (step.do === 'disable') return this.#disable(problem);
    if (step.do === 'split') {
      this.#room = step.events;
      const rest = batch.rest.slice(0, step.events);
      this.#batch = { rest, to: rest.at(-1)?.to ?? batch.to, confirmed: batch.confirmed };
    } else if (step.do === 'bury') await this.#bury(batch, positions, problem);
    await this.#pause(step.ms);
  }

  async #disable(problem: SinkProblem): Promise<void> {
    const { sink, store } = this.#o;
    await tx(store, async (db) => {
      if (!(await disableSink(db, sink.name, problem.says))) return;
      const says = `The event sink ${sink.name} said that it wants no more (${problem.says}): ./rampart events enable ${sink.name}`;
      await addNotice(db, 'events-sink-disabled', sink.name, { says });
    });
    this.#letGo();
  }

  async #bury(batch: Batch, positions: SinkPositions, problem: SinkProblem): Promise<void> {
    const { sink, store, owner } = this.#o;
    const letters = batch.rest.flatMap(({ letter }) => letter ?? []);
    if (letters.length > 0) {
      await keepLetters(store, letters, problem.says);
      this.#batch = undefined;
      return;
    }
    const events = batch.rest.map(({ event }) => event.envelope);
    const moved = await tx(store, async (db) => {
      // The move locks the sink's row: who lost it must not leave dead letters behind.
      if (!(await moveSink(db, sink.name, owner, positions, batch.to, batch.confirmed))) return false;
      await bury(db, sink.name, events, problem.says);
      return true;
    });
    this.#batch = undefined;
    if (moved) this.#positions = batch.to;
    else this.#letGo();
  }

  async #moveOn(positions: SinkPositions, batch: Batch): Promise<void> {
    const { store, sink, owner } = this.#o;
    this.#batch = undefined;
    if (batch.confirmed === 0 && !differ(positions, batch.to)) return;
    if (await moveSink(store, sink.name, owner, positions, batch.to, batch.confirmed)) this.#positions = batch.to;
    else this.#letGo();
  }

  /** The next events this sink is to get; an empty batch: there were some, and it wants none of them. */
  async #next(at: SinkPositions): Promise<Batch | undefined> {
    const replay = await this.#letters(at);
    if (replay !== undefined) return replay;
    const { safe } = this.#o.horizon;
    if (at.operations < safe.log) return this.#noted('operations', at, safe.log);
    this.#round ??= at.attempts < safe.attempts || at.mail < safe.log ? safe : undefined;
    const round = this.#round;
    if (round === undefined) return undefined;
    if (at.attempts < round.attempts) return this.#attempts(at, round.attempts);
    if (at.mail < round.log) return this.#noted('mail', at, round.log);
    this.#round = undefined;
    return { rest: [], to: at, confirmed: 0 };
  }

  async #attempts(at: SinkPositions, end: number): Promise<Batch | undefined> {
    const { store, source } = this.#o;
    const facts = await attemptFacts(store, at.attempts, end, this.#room);
    if (await this.#missed(at)) return undefined;
    const events = facts.map((fact) => ({
      event: attemptEvent(fact, source),
      to: { ...at, attempts: fact.id },
    }));
    return this.#batchOf(events, facts.length < this.#room ? { ...at, attempts: end } : events.at(-1)?.to, at);
  }

  async #noted(about: 'mail' | 'operations', at: SinkPositions, end: number): Promise<Batch | undefined> {
    const { store, source } = this.#o;
    const facts = await logFacts(store, about, at[about], end, this.#room);
    if (await this.#missed(at)) return undefined;
    const events = facts.map((fact) => ({ event: logEvent(fact, source), to: { ...at, [about]: fact.id } }));
    return this.#batchOf(events, facts.length < this.#room ? { ...at, [about]: end } : events.at(-1)?.to, at);
  }

  #batchOf(
    read: readonly { readonly event: RampartEvent | undefined; readonly to: SinkPositions }[],
    to: SinkPositions | undefined,
    at: SinkPositions,
  ): Batch {
    const rest = read.flatMap(({ event, to: after }) =>
      event !== undefined && wanted(this.#o.filter, event) ? [{ event, to: after }] : [],
    );
    return { rest, to: to ?? at, confirmed: 0 };
  }

  /** Dead letters somebody wants sent again. */
  async #letters(at: SinkPositions): Promise<Batch | undefined> {
    const { store, sink } = this.#o;
    if (performance.now() - this.#lettersAt < LETTERS_EVERY_MS) return undefined;
    const letters = await lettersToReplay(store, sink.name, this.#room);
    if (letters.length === 0) {
      this.#lettersAt = performance.now();
      return undefined;
    }
    const rest = letters.map((letter) => ({ event: replayed(letter.event), to: at, letter: letter.id }));
    return { rest, to: at, confirmed: 0 };
  }

  /**
   * Whether rows this sink had not got were dropped for their age. Asked after reading: what was dropped while it was
   * read must not be passed by in silence either.
   */
  async #missed(at: SinkPositions): Promise<boolean> {
    const { store, sink, owner, log } = this.#o;
    const dropped = await droppedTo(store);
    const to = {
      attempts: Math.max(at.attempts, dropped.attempts),
      mail: Math.max(at.mail, dropped.log),
      operations: Math.max(at.operations, dropped.log),
    };
    if (!differ(at, to)) return false;
    const events = to.attempts - at.attempts + Math.max(to.mail - at.mail, to.operations - at.operations);
    log('events-missed', { sink: sink.name, events });
    await tx(store, async (db) => {
      if (!(await noteMissed(db, sink.name, owner, at, to))) return;
      const says = `The event sink ${sink.name} was so far behind that up to ${events} events were dropped for their age before it got them.`;
      await addNotice(db, 'events-missed', sink.name, { says, events });
    });
    this.#positions = undefined;
    return true;
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: AbortSignal.any([this.#stop.signal, this.#lost.signal]) }).catch(() => {});
  }
}

function differ(a: SinkPositions, b: SinkPositions): boolean {
  return a.attempts !== b.attempts || a.mail !== b.mail || a.operations !== b.operations;
}

/** A dead letter is the event as it was; what it was sorted by is read back from it. */
function replayed(envelope: object): RampartEvent {
  const event = envelope as CloudEvent & { readonly data: { readonly provider?: string | null } };
  return {
    kind: event.type.replace(/^rampart\./, '') as RampartEvent['kind'],
    pool: null,
    tenant: null,
    provider: event.data.provider ?? null,
    key: event.subject,
    envelope: event,
  };
}
