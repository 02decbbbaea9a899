/**
 * Group commit: messages that arrive while a commit is on its way share the next one. 250 is answered after it, so
 * every 250 is durable, and a commit's fsync is paid once for all of them. Recipients that find a free place on a lane are
 * committed as claimed by this process, and go out with the body that is in memory.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../store/connect.ts';
import { type Spooled, type SpoolMessage, type SpoolRecipient, spoolGroup, spoolOnce } from '../../store/spool.ts';
import { timeOrderedUuid } from '../../store/time-ordered-uuid.ts';
import { RefusedMessage } from './message.ts';

/** Where mail goes that need not wait: the sending half of this process. */
export interface Seating {
  /** Id of this process: what a claim says. */
  readonly process: string;
  /**
   * A place for this recipient now; `soon`: there may be one in a moment; null: it waits its turn in the queue. `waited`: it
   * has its turn; others come after those who wait.
   */
  seat(message: SpoolMessage, recipient: SpoolRecipient, waited?: boolean): Seat | 'soon' | null;
  /** Resolves when there may be a place, or after `ms`; who waited before is the first again. */
  room(message: SpoolMessage, recipient: SpoolRecipient, ms: number, waited: boolean): Promise<void>;
  /** This recipient was committed and nobody has it in hand. */
  queued(message: SpoolMessage, recipient: SpoolRecipient): void;
  /** Runs the commit; `adopt` names the rows in it that are claimed by this process. */
  committing(
    work: () => Promise<Spooled[]>,
    adopt: (rows: readonly Spooled[]) => readonly number[],
  ): Promise<Spooled[]>;
}

export interface Seat {
  /** The row is committed: go. */
  send(recipient: number, message: number): void;
  /** It was not committed: the place is free again. */
  release(): void;
}

interface Waiting {
  /** Committed together or not at all. */
  readonly messages: readonly SpoolMessage[];
  /** By message and recipient. */
  readonly seats: readonly (readonly (Seat | null)[])[];
  readonly resolve: (spooled: Spooled[]) => void;
  readonly reject: (error: Error) => void;
}

/** Messages that may wait for a commit: beyond it new mail gets 451, never an unbounded buffer. */
const HIGH_WATER = 2_000;
/**
 * How long mail may wait for a place before it is committed without one. While deliveries lag a little behind a crowd of
 * clients, taking in more only makes a queue that costs both sides (Postfix's in_flow_delay is a second, for the same reason).
 * A few clients are hardly slowed: their mail is no burden, and each waits for its answer before it sends the next.
 */
const ROOM_MS = { crowd: 1_000, few: 100 };
const CROWD = 12;
const GROUP = 200;
/** Bytes of a group: on their way to the database they are in memory two times more. */
const GROUP_BYTES = 16_000_000;
const LINGER_MS = 4;
const FEW = 4;
/** How long a commit whose answer was lost is asked for before the client is told to try again. */
const DOUBT_MS = 100_000;
/** A pool's live content is kept for probes once in so long; other bodies go with their delivery. */
const SAMPLE_MS = 10_000;

export class SpoolBusy extends Error {
  readonly code = 'spool-busy';
}

export class GroupCommit {
  readonly #store: Store;
  readonly #seating: Seating | undefined;
  readonly #accepting: () => string | null;
  readonly #waiting: Waiting[] = [];
  readonly #sampled = new Map<string, number>();
  #running: Promise<void> | undefined;
  #inHand = 0;

  /** `accepting`: why no mail is taken in now, or null. */
  constructor(store: Store, seating?: Seating, accepting: () => string | null = () => null) {
    this.#store = store;
    this.#seating = seating;
    this.#accepting = accepting;
  }

  /** Why a message that came now would be put off, or null: for whoever can say so before it is read. */
  get busy(): string | null {
    return this.#inHand >= HIGH_WATER ? `${HIGH_WATER} messages wait for a commit` : this.#accepting();
  }

  /** Resolves when the message is durable. Rejects with SpoolBusy above a high-water mark. */
  async submit(message: SpoolMessage): Promise<Spooled> {
    const [spooled] = await this.submitAll([message]);
    if (spooled === undefined) throw new Error('the spool returned fewer rows than messages');
    return spooled;
  }

  /** The same for messages that belong together: one commit stores all of them, or none is stored. */
  async submitAll(given: readonly SpoolMessage[]): Promise<Spooled[]> {
    const { busy } = this;
    if (busy !== null) throw new SpoolBusy(busy);
    this.#inHand += given.length;
    try {
      const messages = given.map((message) => ({ ...message, sample: this.#samples(message) }));
      const seats = await this.#seats(messages);
      return await new Promise((resolve, reject) => {
        this.#waiting.push({ messages, seats, resolve, reject });
        this.#running ??= this.#run();
      });
    } finally {
      this.#inHand -= given.length;
    }
  }

  /** Waits until nothing is in hand any more. */
  async drain(): Promise<void> {
    while (this.#inHand > 0) await (this.#running ?? sleep(LINGER_MS));
  }

  async #seats(messages: readonly SpoolMessage[]): Promise<(readonly (Seat | null)[])[]> {
    const seating = this.#seating;
    if (seating === undefined) return messages.map(() => []);
    const [message, ...others] = messages;
    const [recipient, ...more] = message?.recipients ?? [];
    if (message === undefined || recipient === undefined || others.length + more.length > 0) {
      const now = (one: SpoolMessage) => one.recipients.map((to) => seating.seat(one, to));
      return messages.map((one) => now(one).map((seat) => (seat === 'soon' ? null : seat)));
    }
    const until = performance.now() + (this.#inHand >= CROWD ? ROOM_MS.crowd : ROOM_MS.few);
    for (let waited = false; ; waited = true) {
      const seat = seating.seat(message, recipient, waited);
      const left = until - performance.now();
      if (seat !== 'soon' || left <= 0) return [[seat === 'soon' ? null : seat]];
      await seating.room(message, recipient, left, waited);
    }
  }

  /** Committed: those with a place go, unless they were suppressed meanwhile; the others wait their turn. */
  #letGo({ messages, seats }: Waiting, rows: readonly Spooled[]): void {
    messages.forEach((message, n) => {
      message.recipients.forEach((recipient, r) => {
        const [row, seat] = [rows[n], seats[n]?.[r]];
        const id = row?.recipients[r];
        if (seat != null && row?.claimed[r] && id !== undefined) seat.send(id, row.message);
        else {
          seat?.release();
          this.#seating?.queued(message, recipient);
        }
      });
    });
  }

  async #run(): Promise<void> {
    // A few clients wait for this answer before they send more: nobody would join them.
    if (this.#inHand > FEW) await sleep(LINGER_MS);
    while (this.#waiting.length > 0) await this.#settle(this.#next());
    // In the same turn as the last look: what comes later must find that nobody runs.
    this.#running = undefined;
  }

  /** What fits a group; what belongs together is never divided, whatever its size. */
  #next(): Waiting[] {
    let messages = 0;
    let bytes = 0;
    let units = 0;
    for (const waiting of this.#waiting) {
      messages += waiting.messages.length;
      for (const { raw } of waiting.messages) bytes += raw.length;
      if (units > 0 && (messages > GROUP || bytes > GROUP_BYTES)) break;
      units += 1;
    }
    return this.#waiting.splice(0, units);
  }

  async #settle(group: readonly Waiting[]): Promise<void> {
    try {
      const spooled = await this.#claiming(
        group.flatMap((waiting) => waiting.messages),
        group.flatMap((waiting) => waiting.seats),
      );
      let at = 0;
      for (const waiting of group) {
        const rows = spooled.slice(at, at + waiting.messages.length);
        at += waiting.messages.length;
        if (rows.length === waiting.messages.length) waiting.resolve(rows);
        else waiting.reject(new Error('the spool returned fewer rows than messages'));
        this.#letGo(waiting, rows);
      }
    } catch (error) {
      // One message the store can not hold must not cost the others their commit.
      if (isRefusal(error) && group.length > 1) {
        for (const waiting of group) await this.#settle([waiting]);
        return;
      }
      for (const seat of group.flatMap((waiting) => waiting.seats).flat()) seat?.release();
      if (!isRefusal(error)) for (const waiting of group) waiting.reject(error as Error);
      else
        group[0]?.reject(new RefusedMessage(554, '5.6.0 The message has a header or address that can not be stored'));
    }
  }

  #claiming(messages: readonly SpoolMessage[], seats: readonly (readonly (Seat | null)[])[]): Promise<Spooled[]> {
    const seating = this.#seating;
    if (seating === undefined) return this.#commit(messages);
    const taken = seats.map((row) => row.map((seat) => seat !== null));
    return seating.committing(
      () => this.#commit(messages, { process: seating.process, taken }),
      (rows) => rows.flatMap(({ recipients, claimed }) => recipients.filter((_, r) => claimed[r])),
    );
  }

  /** A failed commit may have happened: ask by its batch id before anybody is told to send the mail again. */
  async #commit(messages: readonly SpoolMessage[], claims?: Parameters<typeof spoolGroup>[3]): Promise<Spooled[]> {
    const batch = timeOrderedUuid();
    const until = performance.now() + DOUBT_MS;
    try {
      return await spoolGroup(this.#store, messages, batch, claims);
    } catch (failed) {
      if (isDefinite(failed)) throw failed;
      for (let error = failed; ; ) {
        if (isRefusal(error) || performance.now() > until) throw error;
        await sleep(200);
        try {
          return await spoolOnce(this.#store, messages, batch, claims);
        } catch (again) {
          error = again;
        }
      }
    }
  }

  #samples({ pool, stream }: SpoolMessage): boolean {
    const now = performance.now();
    if (stream !== 'marketing' || now - (this.#sampled.get(pool) ?? Number.NEGATIVE_INFINITY) < SAMPLE_MS) return false;
    this.#sampled.set(pool, now);
    return true;
  }
}

/** The server answered that it did not do it: a full disk, say. A FATAL or a lost connection may come after the commit. */
function isDefinite(error: unknown): boolean {
  return (error as { severity?: unknown }).severity === 'ERROR';
}

/** The data itself was refused (SQLSTATE class 22, 23 or 54): nothing was stored, and trying again changes nothing. */
function isRefusal(error: unknown): boolean {
  return /^(22|23|54)...$/.test(String((error as { code?: unknown }).code));
}
