/**
 * Nothing lost, nothing doubled: what the front door answered 250 for, against what the receiving side wrote down. Pure.
 *
 * A doubt is an attempt of ours whose last answer nobody can know (a lost final reply, or a process that was killed before
 * it could commit it): that message is tried again, and may so arrive once more, through the same arm. It is counted apart.
 */
import type { Front } from './setting.ts';
import { messageIdOf, sourceOf } from './setting.ts';

export interface Seen {
  readonly messageId: string;
  readonly rcpt: string;
  readonly mailFrom: string;
  /** Source address. */
  readonly from: string;
}

export interface AccountInput {
  readonly front: Front;
  /** Message-IDs by what the application was answered: 250, or nothing. */
  readonly accepted: ReadonlySet<string>;
  readonly unknown: ReadonlySet<string>;
  /** Of them, those that were accepted when the cutover was done and every process knew it. */
  readonly late: ReadonlySet<string>;
  /** Messages the sink took, and recipients it refused for good. */
  readonly taken: readonly Seen[];
  readonly refused: ReadonlySet<string>;
  /** Doubts by Message-ID. */
  readonly doubts: ReadonlyMap<string, number>;
}

export interface Account {
  readonly accepted: number;
  readonly delivered: number;
  readonly bounced: number;
  readonly oldArm: number;
  readonly newArm: number;
  /** Second copies of mail that was in doubt. */
  readonly doubledInDoubt: number;
  /** What must be empty, in words. */
  readonly problems: readonly string[];
}

export function accountOf(input: AccountInput): Account {
  const { front, accepted, unknown, late, taken, doubts } = input;
  const own = taken.filter(({ messageId }) => accepted.has(messageId) || unknown.has(messageId));
  const copies = Map.groupBy(own, ({ messageId }) => messageId);
  const refused = new Set([...input.refused].map(messageIdOf).filter((id) => accepted.has(id) || unknown.has(id)));
  const [old, ours] = [sourceOf(front, 'old'), sourceOf(front, 'new')];
  const problems: string[] = [];
  const check = (what: string, ids: Iterable<string>) => {
    const all = [...ids];
    if (all.length > 0) problems.push(`${front.name}: ${all.length} ${what}: ${all.slice(0, 3).join(' ')}`);
  };
  const having = (is: (of: readonly Seen[], id: string) => boolean) =>
    [...copies].flatMap(([id, of]) => (is(of, id) ? [id] : []));
  const lost = [...accepted].filter((id) => !copies.has(id) && !refused.has(id));
  check(
    'lost',
    lost.filter((id) => !doubts.has(id)),
  );
  check(
    'lost after a doubt',
    lost.filter((id) => doubts.has(id)),
  );
  check(
    'doubled',
    having((of, id) => of.length > 1 + (doubts.get(id) ?? 0)),
  );
  check(
    'through both arms',
    having((of) => new Set(of.map(({ from }) => from)).size > 1),
  );
  check(
    'from an address of neither arm',
    having((of) => of.some(({ from }) => from !== old && from !== ours)),
  );
  check(
    'of the old arm although all was over',
    having((of, id) => late.has(id) && of.some(({ from }) => from === old)),
  );
  const through = (address: string) => having((of) => of[0]?.from === address).length;
  return {
    accepted: accepted.size,
    delivered: [...copies.keys()].filter((id) => accepted.has(id)).length,
    bounced: [...refused].filter((id) => accepted.has(id) && !copies.has(id)).length,
    oldArm: through(old),
    newArm: through(ours),
    doubledInDoubt: own.length - copies.size,
    problems,
  };
}
