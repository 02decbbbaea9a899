/**
 * Which arm of a cutover carries a message: decided by its recipient, so that a person's mail does not change engines from
 * one message to the next, and so that every process decides the same without asking anybody.
 *
 * A recipient has a bucket, a keyed hash from 0 to BUCKETS - 1. The new arm has the buckets below a threshold. Thresholds
 * only move that line, so cohorts are nested: at 20% all of the 10% are still there. Thresholds differ by stream (the
 * transactional one moves last) and by provider (`*`: every provider without its own). Pure.
 */
import { createHmac } from 'node:crypto';

/** Shares are whole numbers of these: 10,000 are 1%. Finer than a day's mail, so that a grant of 50 can be a share of it. */
export const BUCKETS = 1_000_000;

export type Arm = 'old' | 'new';
export type Stream = 'marketing' | 'transactional';

/** The line between the arms, in buckets (0 to BUCKETS), by stream and provider; each stream has its `*`. */
export type Thresholds = Readonly<Record<Stream, Readonly<Record<string, number>>>>;

/** What the cutover is about; absent: all of it. Mail outside of it stays on the old arm. */
export interface SplitScope {
  readonly tenants?: readonly string[];
  /** Of the recipients, as their MX say (policy/providers.ts). */
  readonly providers?: readonly string[];
  readonly streams?: readonly Stream[];
}

export interface Split {
  /** The pool that the application names. */
  readonly front: string;
  /** Pools: with addresses of ours, or with an upstream. One of them may be the front itself. */
  readonly oldArm: string;
  readonly newArm: string;
  readonly scope: SplitScope;
  /** Of the hash: another key is another draw. */
  readonly key: string;
  readonly revision: number;
  /** What the new arm may carry now. */
  readonly thresholds: Thresholds;
  /** What the step says it should; what lies between goes to the old arm as overflow. null: the same. */
  readonly step: Thresholds | null;
  /** The top slice (buckets) that stays on the old arm whatever the thresholds say, to keep it warm; by provider and `*`. */
  readonly floor: Readonly<Record<string, number>>;
  /** What becomes of waiting mail when the line moves. */
  readonly moves: MoveRules;
  /** The cutover is over, and this arm has all mail of the front. null: it is live. */
  readonly settled: Arm | null;
}

/** What becomes of mail that waits in the new arm when it goes back (policy/cutover/moves.ts, release.ts). */
export interface MoveRules {
  /** Mail that was attempted there; default `stay`. What is in doubt never moves. */
  readonly attempted?: 'stay' | 'move';
  /** Messages a day the old arm takes back, by provider and `*`; 0: none for now; absent: twice its 7-day peak. */
  readonly perDay?: Readonly<Record<string, number>>;
  /** Over how long (plan ms) the rest is spread; default a day. */
  readonly spreadMs?: number;
}

/** What of a message decides its arm. */
export interface SplitMail {
  readonly bucket: number;
  /** Whose mailbox it is for; null: not known yet. */
  readonly provider: string | null;
  readonly tenant: string;
  readonly stream: string;
}

/**
 * Why a message says nothing about the arms. `overflow`: the new arm had no room for it. `moved`: it had waited for the
 * other arm. `scope`: it is not part of the cutover. `settled`: the cutover is over. `unknown-provider`: nobody could say
 * whose mailbox it is for. `probe`: it was sent to test one arm. `operator`: a person chose its pool.
 */
export type Outside = 'overflow' | 'moved' | 'scope' | 'settled' | 'unknown-provider' | 'probe' | 'operator';

export interface Choice {
  readonly arm: Arm;
  readonly outside: Outside | null;
}

/** The bucket of a recipient, 0 to BUCKETS - 1: HMAC-SHA-256 of its normal form (store/recipient-key.ts). */
export function bucketOf(recipient: string, key: string): number {
  // 48 bits: dividing them leaves no bucket more than 4e-9 of its part too much or too little.
  return createHmac('sha256', key).update(recipient, 'utf8').digest().readUIntBE(0, 6) % BUCKETS;
}

/** A share (0 to 1) in buckets, rounded down: never more than it says. */
export function bucketsOf(share: number): number {
  return Math.floor(Math.min(1, Math.max(0, share)) * BUCKETS + 1e-6);
}

/** The slice of the old arm's floor, in buckets: so many messages of those a provider is offered in the same time. */
export function floorSlice(messages: number, offered: number): number {
  return offered <= 0 ? BUCKETS : Math.min(BUCKETS, Math.ceil((messages / offered) * BUCKETS));
}

/** The arm of a message; null: it depends on the provider, which is not known yet. */
export function choose(split: Split, mail: SplitMail): Choice | null {
  if (split.settled !== null) return { arm: split.settled, outside: 'settled' };
  if (mail.provider !== null) return chooseAt(split, mail, mail.provider);
  const arms = new Set(providersNamed(split).map((provider) => chooseAt(split, mail, provider).arm));
  const [arm] = arms;
  return arm === undefined || arms.size > 1 ? null : { arm, outside: 'unknown-provider' };
}

/** The arm of a split that a pool is; null: none. */
export function armOf(split: Pick<Split, 'oldArm' | 'newArm'>, pool: string): Arm | null {
  return pool === split.newArm ? 'new' : pool === split.oldArm ? 'old' : null;
}

/** The new arm's line at a provider now, in buckets. */
export function lineAt(split: Pick<Split, 'thresholds' | 'floor'>, stream: Stream, provider: string): number {
  return line(split, split.thresholds, stream, provider);
}

/** The old arm's top slice at a provider, in buckets. */
export function floorAt({ floor }: Pick<Split, 'floor'>, provider: string): number {
  return at(floor, provider);
}

/** What is wrong with a split, in words; empty: nothing. */
export function splitProblems(split: Split): string[] {
  const problems: string[] = [];
  if (split.oldArm === split.newArm) problems.push(`both arms are the pool ${split.oldArm}: name two pools`);
  if (split.key === '') problems.push('it has no key: make one of random bytes when the cutover starts');
  if (!Number.isSafeInteger(split.revision) || split.revision < 1)
    problems.push(`its revision is ${split.revision}: count from 1`);
  const buckets = (what: string, value: unknown) => {
    if (!Number.isInteger(value) || Number(value) < 0 || Number(value) > BUCKETS)
      problems.push(`${what} is ${String(value)}: expected a whole number from 0 to ${BUCKETS} (100%)`);
  };
  const all = [
    ['thresholds', split.thresholds] as const,
    ...(split.step === null ? [] : [['step', split.step] as const]),
  ];
  for (const [name, lines] of all)
    for (const stream of STREAMS) {
      if (lines[stream]?.['*'] === undefined)
        problems.push(`${name}.${stream} has no "*": say what unnamed providers have`);
      for (const [provider, value] of Object.entries(lines[stream] ?? {}))
        buckets(`${name}.${stream}.${provider}`, value);
    }
  for (const [provider, value] of Object.entries(split.floor)) buckets(`floor.${provider}`, value);
  for (const [provider, value] of Object.entries(split.moves.perDay ?? {}))
    if (!(value === 0 || value >= 1))
      problems.push(`moves.perDay.${provider} is ${value}: expected at least 1 message a day, or 0 for none`);
  return problems;
}

export const STREAMS: readonly Stream[] = ['marketing', 'transactional'];

function chooseAt(split: Split, mail: SplitMail, provider: string): Choice {
  const stream = mail.stream === 'transactional' ? 'transactional' : 'marketing';
  const { tenants, providers, streams } = split.scope;
  const inside =
    (tenants?.includes(mail.tenant) ?? true) &&
    (providers?.includes(provider) ?? true) &&
    (streams?.includes(stream) ?? true);
  if (!inside) return { arm: 'old', outside: 'scope' };
  if (mail.bucket < lineAt(split, stream, provider)) return { arm: 'new', outside: null };
  const wanted = split.step !== null && mail.bucket < line(split, split.step, stream, provider);
  return { arm: 'old', outside: wanted ? 'overflow' : null };
}

function line(split: Pick<Split, 'floor'>, lines: Thresholds, stream: Stream, provider: string): number {
  return Math.min(at(lines[stream], provider), BUCKETS - floorAt(split, provider));
}

function at(values: Readonly<Record<string, number>>, provider: string): number {
  return (Object.hasOwn(values, provider) ? values[provider] : values['*']) ?? 0;
}

/** Every provider the split tells from others, and one that stands for those it does not. */
function providersNamed({ thresholds, step, floor, scope }: Split): string[] {
  const lines = [thresholds, ...(step === null ? [] : [step])].flatMap((one) => STREAMS.map((stream) => one[stream]));
  return [...new Set(['*', ...[...lines, floor].flatMap((one) => Object.keys(one)), ...(scope.providers ?? [])])];
}
