/** Runs a request that has an Idempotency-Key at most once; store/idempotency.ts says how. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../../store/connect.ts';
import { type KeyOf, type KnownKey, readKey, releaseKey, reserveKey } from '../../../store/idempotency.ts';
import { type Answer, failure } from './answer.ts';

/** What is known of the key before the request is even read: an answer to give, or undefined to go on. */
export async function knownAnswer(store: Store, of: KeyOf, hash: Buffer): Promise<Answer | undefined> {
  const known = await readKey(store, of, hash);
  return known === undefined || known.kind === 'busy' ? undefined : replay(known);
}

/** How long a twin waits for the other's answer. */
const PATIENCE_MS = 5_000;
const LOOK_AGAIN_MS = 50;

/**
 * Reserves the key, then runs `commit` with the token its transaction must present. Whatever `commit` throws, what the
 * store says counts: the answer may have been committed by a twin, or by a commit whose answer was lost.
 */
export async function once(
  store: Store,
  of: KeyOf,
  hash: Buffer,
  commit: (token: string) => Promise<Answer>,
): Promise<Answer> {
  const token = randomUUID();
  const until = performance.now() + PATIENCE_MS;
  let reservation = await reserveKey(store, of, hash, token);
  while (reservation.kind === 'busy' && performance.now() < until) {
    await sleep(LOOK_AGAIN_MS);
    reservation = await reserveKey(store, of, hash, token);
  }
  if (reservation.kind !== 'mine') return replay(reservation);
  try {
    return await commit(token);
  } catch (error) {
    await releaseKey(store, of, token).catch(() => {});
    const known = await readKey(store, of, hash).catch(() => undefined);
    if (known?.kind === 'answered') return replay(known);
    throw error;
  }
}

function replay(known: KnownKey): Answer {
  if (known.kind === 'answered') return accepted(known.answer, { 'Idempotent-Replayed': 'true' });
  if (known.kind === 'other-request')
    return failure(422, 'key-reused', 'This Idempotency-Key was used for another request: use a new one');
  return failure(409, 'in-progress', 'A request with this Idempotency-Key is being worked on', { retryAfter: 1 });
}

/** The answer of a commit, fresh or stored: the store does not keep the order of keys. */
export function accepted(answer: unknown, headers: Record<string, string> = {}): Answer {
  const { id, accepted: taken, rejected } = answer as Record<string, unknown>;
  return { status: 202, body: { id, accepted: taken, rejected }, headers };
}
