/**
 * Overflow: where mail goes that a pool's cold lanes may not take now, and when mail may leave an address at all.
 *
 *   warm-peers    the pool's own warm addresses take it at once
 *   pool:<name>   the same, and where none of them may send, the warm addresses (or the upstream) of that pool
 *   wait          what a cold lane could carry waits for its grant; all other mail goes by warm addresses
 *   refuse        as warm-peers, but what no lane can take now is not accepted; what is queued already waits
 *
 * One step, never two: a pool that others overflow to does not overflow to a third (checked when the configuration is
 * read), so mail can not wander. Overflow spreads volume; it must not spread trouble: a refusal that is about the sender's
 * domain, its links or the message itself follows the mail wherever it goes, and would only burn the next address.
 */
import { REPLY_CLASSES, REPLY_SCOPES, type ReplyClass, type ReplyVerdict } from './replies.ts';

export type Overflow = 'warm-peers' | 'wait' | 'refuse' | `pool:${string}`;

export const PLAIN_OVERFLOWS = ['warm-peers', 'wait', 'refuse'] as const;

/** The pool an overflow names, or null. */
export function overflowPool(overflow: Overflow): string | null {
  return overflow.startsWith('pool:') ? overflow.slice('pool:'.length) : null;
}

/** May marketing mail that a cold lane could carry go by a warm address instead? */
export function takesWarmPeers(overflow: Overflow): boolean {
  return overflow !== 'wait';
}

/** What a configuration says of a pool, as far as overflow is concerned. */
export interface OverflowPool {
  readonly overflow: Overflow;
  /** It is an upstream: it takes whatever it is given. */
  readonly upstream: boolean;
  /** It has an address that is warm. */
  readonly warm: boolean;
}

/** What is wrong with where a pool overflows to, in words, or null. `pools` has every pool by name. */
export function overflowProblem(name: string, pools: ReadonlyMap<string, OverflowPool>): string | null {
  const pool = pools.get(name);
  const to = pool === undefined ? null : overflowPool(pool.overflow);
  if (to === null) return null;
  if (to === name) return `pool ${name} can not overflow to itself: choose warm-peers, wait, refuse or another pool`;
  const target = pools.get(to);
  if (target === undefined) {
    const known = [...pools.keys()].filter((other) => other !== name);
    return `no pool is called "${to}" (${known.length === 0 ? 'there is no other pool' : `known: ${known.join(', ')}`})`;
  }
  const further = overflowPool(target.overflow);
  if (further !== null)
    return `pool ${to} overflows to pool ${further} itself: mail moves once, so choose a pool that does not overflow to another`;
  if (!target.upstream && !target.warm)
    return `pool ${to} has no address with standing 'warm' and is no upstream: there is nothing in it to overflow to`;
  return null;
}

/** How far mail with this refusal may go when it leaves its address: `stays` not at all. */
export type Reach = 'anywhere' | 'other-netblock' | 'stays';

/** Classes that blame what is in the message or who signed it, unless the reply itself names the address. */
const OF_THE_MAIL: readonly ReplyClass[] = ['policy', 'auth', 'identity', 'recipient'];

/** Where mail that was refused like this may go. Limits of a domain or a URL refuse overflow whatever their class is. */
export function reachOf({ class: of, scope }: Pick<ReplyVerdict, 'class' | 'scope'>): Reach {
  if (of === 'content' || scope === 'domain' || scope === 'url') return 'stays';
  if (scope === 'netblock') return 'other-netblock';
  if (scope === 'ip') return 'anywhere';
  return OF_THE_MAIL.includes(of) ? 'stays' : 'anywhere';
}

/** Every refusal that keeps its mail where it is. */
export const STAYING: readonly Pick<ReplyVerdict, 'class' | 'scope'>[] = REPLY_CLASSES.flatMap((of) =>
  REPLY_SCOPES.map((scope) => ({ class: of, scope })).filter((refusal) => reachOf(refusal) === 'stays'),
);

/** May mail with this refusal go from one address to another? `from` and `to` are IPv4 addresses. */
export function mayMove(refusal: Pick<ReplyVerdict, 'class' | 'scope'>, from: string, to: string): boolean {
  const reach = reachOf(refusal);
  return reach === 'anywhere' || (reach === 'other-netblock' && block(from) !== block(to));
}

function block(address: string): string {
  return address.slice(0, address.lastIndexOf('.'));
}
