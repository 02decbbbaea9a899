/**
 * Answers that no list of replies has: bare codes, codes out of use, other languages, no words at all. Providers change
 * their wording and small ones make up their own, so a sender must live with what it can not read: a 4xx passes when tried
 * again, a 5xx does not, and neither says anything about the sender or the recipient.
 *
 * A temporary one is drawn anew for each attempt, a permanent one once for each recipient.
 */
import type { Reply } from './dialect-parts.ts';
import { chance, draw, pick } from './random.ts';

export const UNLISTED_TEMPORARY: readonly Reply[] = [
  { code: 450, text: '' },
  { code: 451, text: 'Temporärer lokaler Fehler, bitte später erneut versuchen' },
  { code: 452, text: '4.9.9 ref 7f3c-2201' },
  { code: 471, text: 'Deferred by node 12 (E-7731)' },
  { code: 499, text: `4.0.0 ${'please hold the line '.repeat(40).trim()}` },
];

export const UNLISTED_PERMANENT: readonly Reply[] = [
  { code: 554, text: 'Transaction failed (#0815)' },
  { code: 571, text: '5.9.0 Rule 66' },
  { code: 550, text: 'Ungültige Anforderung, Vorgang abgebrochen' },
  { code: 521, text: '5.0.0 未知错误' },
  { code: 599, text: '' },
];

export interface UnlistedOptions {
  readonly seed: number;
  readonly provider: string;
  /** Of attempts, 0..1. */
  readonly temporaryShare: number;
  /** Of recipients, 0..1. */
  readonly permanentShare: number;
}

export interface UnlistedAttempt {
  readonly sourceIp: string;
  readonly senderDomain: string;
  readonly rcpt: string;
}

export class UnlistedReplies {
  readonly #options: UnlistedOptions;
  readonly #attempts = new Map<string, number>();

  constructor(options: UnlistedOptions) {
    this.#options = options;
  }

  /** The answer to a RCPT that begins a new attempt; null: go on. */
  atRcpt(attempt: UnlistedAttempt): Reply | null {
    const key = keyOf(attempt);
    this.#attempts.set(key, (this.#attempts.get(key) ?? 0) + 1);
    return this.#reply('rcpt', attempt);
  }

  /** The answer to the message of an attempt that RCPT let through; null: go on. */
  afterMessage(attempt: UnlistedAttempt): Reply | null {
    return this.#reply('data', attempt);
  }

  #reply(stage: 'rcpt' | 'data', attempt: UnlistedAttempt): Reply | null {
    const { seed, provider, temporaryShare, permanentShare } = this.#options;
    const whom = [provider, attempt.sourceIp, attempt.senderDomain, attempt.rcpt];
    const which = [...whom, this.#attempts.get(keyOf(attempt)) ?? 0];
    // Half of the answers wait for the message: engines read the two stages differently.
    const here = (key: readonly (string | number)[]) =>
      chance(0.5, seed, 'unlisted-stage', ...key) === (stage === 'rcpt');
    if (chance(permanentShare, seed, 'unlisted-5xx', ...whom) && here(whom)) {
      return oneOf(UNLISTED_PERMANENT, draw(seed, 'unlisted-5xx-text', ...whom));
    }
    if (chance(temporaryShare, seed, 'unlisted-4xx', ...which) && here(which)) {
      return oneOf(UNLISTED_TEMPORARY, draw(seed, 'unlisted-4xx-text', ...which));
    }
    return null;
  }
}

function keyOf({ sourceIp, senderDomain, rcpt }: UnlistedAttempt): string {
  return `${sourceIp} ${senderDomain} ${rcpt}`;
}

function oneOf(replies: readonly Reply[], at: number): Reply {
  return pick(
    replies.map((reply) => [reply, 1] as const),
    at,
  );
}
