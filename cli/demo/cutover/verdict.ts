/**
 * Did the migration hold what it promises? Pure. What arrived, and from where, is read from the providers' own records;
 * Rampart's rows, and what Postfix wrote into its log, are the other side of the account.
 */
import type { DataLine, InjectedLine, RcptLine, ReceivedLine } from '../../../lab/records.ts';
import type { Ends } from '../../../store/front-ends.ts';
import type { Condition } from '../verdict.ts';

export interface PoolInput {
  readonly front: string;
  readonly phase: string;
  /** Address of the new arm. */
  readonly address: string;
  readonly injected: readonly InjectedLine[];
  readonly decisions: readonly {
    readonly event: string;
    readonly actor: string;
    readonly at: number;
    readonly fromShare: number;
    readonly toShare: number;
  }[];
  readonly ends: Ends;
}

export interface MigrationInput {
  readonly pools: readonly PoolInput[];
  readonly received: readonly ReceivedLine[];
  /** Address of the old engine. */
  readonly legacy: string;
  /** Message-IDs that Rampart still holds, and that it let expire. */
  readonly queued: readonly string[];
  readonly expired: readonly string[];
  readonly inDoubt: number;
  readonly outcome: string | null;
  readonly trouble: { readonly pool: string; readonly share: number };
}

/** From the providers' records. */
export interface Counts {
  /** By Rampart, from the applications. */
  readonly accepted: number;
  readonly delivered: number;
  readonly bounced: number;
  readonly expired: number;
  readonly queued: number;
  readonly lost: number;
  readonly doubled: number;
  readonly rollbacks: number;
}

export interface StepShare {
  readonly front: string;
  readonly share: number;
  readonly from: number;
  readonly to: number;
  readonly provider: string;
  /** Messages injected while the step was in force, by the arm they arrived through. */
  readonly old: number;
  readonly new: number;
}

/** New mail takes the old arm everywhere within so long after a rollback, ms. */
const ROLLBACK_MS = 1_000;
const SIGMAS = 3;

export function countsOf(input: MigrationInput): Counts {
  const { arrived, doubled, refused } = arrivals(input);
  const [queued, expired] = [new Set(input.queued), new Set(input.expired)];
  const counts = { accepted: 0, delivered: 0, bounced: 0, expired: 0, queued: 0, lost: 0 };
  for (const line of input.pools.flatMap(({ injected }) => injected)) {
    counts.accepted += 1;
    if (arrived.has(line.messageId)) counts.delivered += 1;
    else if (refused.has(line.rcpt)) counts.bounced += 1;
    else if (queued.has(line.messageId)) counts.queued += 1;
    else if (expired.has(line.messageId)) counts.expired += 1;
    else counts.lost += 1;
  }
  return { ...counts, doubled, rollbacks: rollbacksOf(input).length };
}

export function migrationConditions(input: MigrationInput): Condition[] {
  const counts = countsOf(input);
  const rollbacks = rollbacksOf(input);
  const shares = sharesOf(input);
  const above = shares.filter(isAbove);
  const unfinished = input.pools.filter(({ phase }) => phase !== 'done');
  const sides = sidesOf(input);
  const late = lateAfterRollback(input);
  const [first] = rollbacks;
  return [
    {
      name: 'every accepted message is accounted for by the providers’ records, none lost or doubled',
      holds: counts.lost === 0 && counts.doubled <= input.inDoubt && counts.accepted > 0,
      detail: `${counts.accepted} accepted: ${counts.delivered} delivered, ${counts.bounced} bounced, ${counts.expired} expired, ${counts.queued} queued; ${counts.lost} lost, ${counts.doubled} doubled (${input.inDoubt} in doubt)`,
    },
    {
      name: 'both sides count the same',
      holds: sides.every(({ ours, theirs }) => ours === theirs),
      detail: sides.map(({ name, ours, theirs }) => `${name} ${ours} and ${theirs}`).join(', '),
    },
    {
      name: `only ${input.trouble.pool} was rolled back, by its gate, at ${input.trouble.share}%`,
      holds:
        rollbacks.length === 1 &&
        first?.front === input.trouble.pool &&
        first.actor === 'rampart' &&
        first.fromShare === input.trouble.share,
      detail: rollbacks.map((one) => `${one.front} at ${one.fromShare}% by ${one.actor}`).join(', ') || 'nothing was',
    },
    {
      name: `within ${ROLLBACK_MS / 1000} s of the rollback new mail took the old arm`,
      holds: rollbacks.length > 0 && late.length === 0,
      detail: `${late.length} messages arrived through the new arm that were accepted later`,
    },
    {
      name: 'no step sent more through the new arm than its share',
      holds: above.length === 0 && shares.length > 0,
      detail: `${shares.length} steps and providers, ${above.length} more than ${SIGMAS} standard deviations above${above.slice(0, 3).map(sayShare).join('')}`,
    },
    {
      name: 'every pool is done',
      holds: unfinished.length === 0 && input.outcome === 'done',
      detail: unfinished.map(({ front, phase }) => `${front} is ${phase}`).join(', ') || `${input.pools.length} pools`,
    },
  ];
}

/** Shares by step and provider: of the mail accepted while a step was in force, what arrived through which arm. */
export function sharesOf(input: MigrationInput): StepShare[] {
  const { arrived } = arrivals(input);
  return input.pools.flatMap((pool) => {
    const steps = pool.decisions
      .filter(({ fromShare, toShare }) => fromShare !== toShare)
      .map((one, at, all) => ({
        share: one.toShare,
        from: one.at + (one.toShare < one.fromShare ? ROLLBACK_MS : 0),
        to: all[at + 1]?.at ?? Number.POSITIVE_INFINITY,
      }));
    return steps.flatMap(({ share, from, to }) => {
      const sent = pool.injected.filter(({ t }) => t >= from && t < to);
      return [...Map.groupBy(sent, (line) => line.provider)].map(([provider, own]) => {
        const through = own.flatMap((line) => arrived.get(line.messageId)?.sourceIp ?? []);
        const ours = through.filter((ip) => ip === pool.address).length;
        return { front: pool.front, share, from, to, provider, old: through.length - ours, new: ours };
      });
    });
  });
}

/** More than chance explains; of a handful of messages one more is nothing. */
function isAbove({ share, old, new: ours }: StepShare): boolean {
  const [n, p] = [old + ours, share / 100];
  return ours > n * p + SIGMAS * Math.sqrt(n * p * (1 - p)) + 1;
}

function sayShare({ front, provider, share, old, new: ours }: StepShare): string {
  return `; ${front} ${provider} ${ours} of ${old + ours} at ${share}%`;
}

interface Arrivals {
  /** The first acceptance of each message. */
  readonly arrived: ReadonlyMap<string, DataLine>;
  readonly doubled: number;
  /** Recipients that a provider said do not exist, or would not serve for good. */
  readonly refused: ReadonlySet<string>;
}

function arrivals({ received, pools }: MigrationInput): Arrivals {
  const injected = new Set(pools.flatMap((pool) => pool.injected.map(({ messageId }) => messageId)));
  const arrived = new Map<string, DataLine>();
  let doubled = 0;
  for (const line of received) {
    if (line.kind !== 'data' || !line.accepted || !injected.has(line.messageId)) continue;
    if (arrived.has(line.messageId)) doubled += 1;
    else arrived.set(line.messageId, line);
  }
  const refused = received.filter((line): line is RcptLine => line.kind === 'rcpt' && line.code >= 500);
  return { arrived, doubled, refused: new Set(refused.map(({ rcpt }) => rcpt)) };
}

/** Each arm twice: what the engines say they delivered, and what the providers took from their addresses. */
function sidesOf(input: MigrationInput): { readonly name: string; readonly ours: number; readonly theirs: number }[] {
  const taken = [...arrivals(input).arrived.values()];
  const from = (address: string) => taken.filter(({ sourceIp }) => sourceIp === address).length;
  const relayed = input.pools.reduce((sum, { ends }) => sum + ends.relayedDelivered, 0);
  return [
    ...input.pools.map(({ front, address, ends }) => ({ name: front, ours: ends.delivered, theirs: from(address) })),
    { name: 'the old engine', ours: relayed, theirs: from(input.legacy) },
  ];
}

function rollbacksOf({ pools }: MigrationInput) {
  return pools.flatMap(({ front, decisions }) =>
    decisions.filter(({ event }) => event === 'rollback' || event === 'reverse').map((one) => ({ ...one, front })),
  );
}

/** Mail that was accepted a second after a rollback and before the next step, and came through the new arm all the same. */
function lateAfterRollback(input: MigrationInput): string[] {
  const { arrived } = arrivals(input);
  return input.pools.flatMap((pool) =>
    pool.decisions.flatMap((one, at) => {
      if (one.event !== 'rollback') return [];
      const next = pool.decisions.slice(at + 1).find(({ toShare }) => toShare > 0)?.at ?? Number.POSITIVE_INFINITY;
      return pool.injected
        .filter(
          ({ t, messageId }) =>
            t > one.at + ROLLBACK_MS && t < next && arrived.get(messageId)?.sourceIp === pool.address,
        )
        .map(({ messageId }) => messageId);
    }),
  );
}
