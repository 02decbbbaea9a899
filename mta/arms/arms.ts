/**
 * The cutovers as this process knows them (mta/egress/lease.ts brings them once a second): who carries a message, and who
 * should carry one that waits. Every process decides from the same rows by the same rule (policy/cutover). Where no pool has
 * a split, every question ends at an empty map.
 */
import { isFixed, isReturn, type Move, moveOf, poolOf } from '../../policy/cutover/moves.ts';
import { bucketOf, choose, type Split } from '../../policy/cutover/split.ts';
import { UPSTREAM } from '../../store/pools.ts';
import type { Claimed } from '../../store/queue.ts';
import { normalRecipient } from '../../store/recipient-key.ts';
import type { ChosenArm } from '../../store/spool.ts';

export interface ArmsParts {
  readonly splits: () => ReadonlyMap<string, Split>;
  /** Does another engine take this pool's mail? */
  readonly isUpstream: (pool: string) => boolean;
  /** Whose lanes of this pool carry a provider's mail. */
  readonly laneProvider: (pool: string, provider: string) => string;
  /** Whose mailboxes a domain has, where that is known; else null. */
  readonly knownProvider: (domain: string) => string | null;
}

/** A message that is about to be accepted. */
export interface NewMail {
  /** As the application named it. */
  readonly pool: string;
  readonly tenant: string;
  readonly stream: string;
  readonly rcpt: string;
  readonly domain: string;
}

/** What of a waiting recipient decides who carries it. */
export type QueuedMail = Pick<
  Claimed,
  | 'pool'
  | 'front'
  | 'rcpt'
  | 'domain'
  | 'tenant'
  | 'stream'
  | 'attempts'
  | 'doubts'
  | 'pinned'
  | 'outside'
  | 'mailboxProvider'
> & { readonly provider: string | null };

/** Where a recipient goes: the columns of its queue row. */
export interface Place extends ChosenArm {
  readonly front: string;
  /** Of the row: whose lanes take it; null: to be found out. */
  readonly provider: string | null;
  /** It goes back to an old arm, which takes so much and no more. */
  readonly returns: boolean;
}

export class Arms {
  readonly #parts: ArmsParts;

  constructor(parts: ArmsParts) {
    this.#parts = parts;
  }

  /** Pools whose mail another may carry. */
  get fronts(): readonly string[] {
    return [...this.#parts.splits().values()].filter((split) => !endedAtHome(split)).map(({ front }) => front);
  }

  split(front: string): Split | undefined {
    return this.#parts.splits().get(front);
  }

  /** The arm of a message that is about to be accepted; null: its pool is not divided. */
  ofNew(mail: NewMail): { readonly arm: ChosenArm; readonly provider: string | null } | null {
    const split = this.split(mail.pool);
    if (split === undefined || endedAtHome(split)) return null;
    const bucket = bucketFor(mail.rcpt, split);
    const mailboxProvider = this.#parts.knownProvider(mail.domain);
    // Where the provider decides nothing it may still be needed: the arms are compared by it.
    const choice = mailboxProvider === null ? null : choose(split, { ...mail, bucket, provider: mailboxProvider });
    if (choice === null || mailboxProvider === null) {
      const pool = split.settled === null ? mail.pool : poolOf(split, { arm: split.settled });
      const provider = split.settled !== null && this.#parts.isUpstream(pool) ? UPSTREAM : null;
      return { arm: { pool, bucket, outside: split.settled && 'settled', mailboxProvider: null }, provider };
    }
    const pool = poolOf(split, choice);
    return {
      arm: { pool, bucket, outside: choice.outside, mailboxProvider },
      provider: this.#rowProvider(pool, mailboxProvider),
    };
  }

  /** May a pool's mail go on to an upstream, now or after a change of arms? Then it is kept as it came. */
  toUpstream(pool: string): boolean {
    const split = this.split(pool);
    if (split === undefined) return this.#parts.isUpstream(pool);
    const arms = split.settled === null ? (['old', 'new'] as const) : [split.settled];
    return arms.some((arm) => this.#parts.isUpstream(poolOf(split, { arm })));
  }

  /**
   * Where a waiting recipient should be instead of where it is; null: it is where it belongs. `provider`: what is known of
   * its mailbox provider beyond the row; `undefined`: ask the cache.
   */
  elsewhere(mail: QueuedMail, provider: string | null | undefined = undefined): Place | null {
    const splits = this.#parts.splits();
    if (splits.size === 0) return null;
    const front = mail.front ?? mail.pool;
    const split = splits.get(front);
    if (split === undefined) return null;
    const bucket = bucketFor(mail.rcpt, split);
    const mailboxProvider = mail.mailboxProvider ?? provider ?? this.#parts.knownProvider(mail.domain);
    const move = moveOf(split, { ...mail, bucket, provider: mailboxProvider });
    if (move === 'stay') return null;
    if (move === 'provider') {
      if (mail.provider === null) return null;
      // Its row goes to those who ask DNS (mta/routing/router.ts).
      return {
        front,
        pool: mail.pool,
        bucket,
        outside: 'moved',
        mailboxProvider: null,
        provider: null,
        returns: false,
      };
    }
    return this.#placed(split, mail, move, bucket, mailboxProvider);
  }

  /**
   * The first choice for a recipient whose provider was not known when it was accepted; `provider` null: nobody can say
   * it now. null: it can not be chosen without, or its pool is not divided.
   */
  first(mail: QueuedMail, provider: string | null): Place | null {
    const front = mail.front ?? mail.pool;
    const split = this.split(front);
    if (split === undefined) return null;
    const bucket = bucketFor(mail.rcpt, split);
    const choice = choose(split, { ...mail, bucket, provider });
    if (choice === null) return null;
    const pool = isFixed(mail) ? mail.pool : poolOf(split, choice);
    const outside = mail.outside ?? choice.outside;
    if (provider === null && !this.#parts.isUpstream(pool)) return null;
    return {
      front,
      pool,
      bucket,
      outside,
      mailboxProvider: provider,
      provider: provider === null ? UPSTREAM : this.#rowProvider(pool, provider),
      returns: false,
    };
  }

  #placed(split: Split, mail: QueuedMail, move: Move, bucket: number, mailboxProvider: string | null): Place {
    const { pool, outside } = move;
    return {
      front: split.front,
      pool,
      bucket,
      outside,
      mailboxProvider,
      provider:
        mailboxProvider === null && !this.#parts.isUpstream(pool)
          ? null
          : this.#rowProvider(pool, mailboxProvider ?? ''),
      returns: isReturn(split, mail, move),
    };
  }

  #rowProvider(pool: string, provider: string): string {
    return this.#parts.isUpstream(pool) ? UPSTREAM : this.#parts.laneProvider(pool, provider);
  }
}

/** A cutover that ended in the pool the application names leaves no trace on its mail. */
function endedAtHome(split: Split): boolean {
  return split.settled !== null && poolOf(split, { arm: split.settled }) === split.front;
}

function bucketFor(rcpt: string, { key }: Split): number {
  return bucketOf(normalRecipient(rcpt) ?? rcpt.toLowerCase(), key);
}
