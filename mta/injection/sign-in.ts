/**
 * Signs callers in by name and password, for SMTP AUTH (RFC 4954) and HTTP Basic alike. Users come from the
 * configuration (a password in clear, for trials) and from the store (a scrypt hash); the configuration wins.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashPassword, verifyPassword } from '../../store/password.ts';
import type { User } from '../../store/users.ts';
import type { SubmissionUser } from '../settings.ts';
import type { Caller } from './caller.ts';
import { networkOf } from './client-network.ts';
import { FailedSignIns } from './failed-sign-ins.ts';
import { RefusedMessage } from './refusal.ts';

export interface SignInParts {
  readonly configured: readonly SubmissionUser[];
  /** A user of the store by name. */
  readonly find: (name: string) => Promise<User | undefined>;
  /** ms of a clock that never goes back. */
  readonly now: () => number;
  /** Living processes that take sign-ins; absent: this one alone. */
  readonly processes?: (() => number) | undefined;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

/** ms a user's row is believed without asking again: how long a removed user may go on. */
const BELIEVED_MS = 2_000;
/** Hashes at once: each takes 16 MB and a thread that DNS and signing need too. */
const HASHES_AT_ONCE = 2;
const HASHES_WAITING = 64;
/** Of them, those of one network: whoever guesses must not fill the queue for the rest. */
const WAITING_OF_A_NETWORK = 16;
const REMEMBERED = 10_000;
const LONGEST_NAME = 255;

export class SignIn {
  readonly #parts: SignInParts;
  readonly #failures: FailedSignIns;
  readonly #users = new Map<string, { user: User | undefined; at: number }>();
  /** Digests of passwords that were right, so that a client which signs in for every message pays scrypt once. */
  readonly #right = new Map<string, { hash: string; digest: Buffer }>();
  readonly #key = randomBytes(32);
  readonly #waiting: { readonly network: string; readonly go: () => void }[] = [];
  /** Of passwords that are being checked: a client that opens a hundred connections at once asks one question. */
  readonly #asked = new Map<string, Promise<boolean>>();
  #hashing = 0;
  #nobody: Promise<string> | undefined;

  constructor(parts: SignInParts) {
    this.#parts = parts;
    this.#failures = new FailedSignIns(parts.now, parts.processes);
  }

  /**
   * The caller with this name and password, from this address.
   *
   * @throws RefusedMessage 535 (after a delay that grows with each failure), 454 when it can not be decided now or too
   *   many failed.
   */
  async signIn(name: string, password: string, address: string): Promise<Caller> {
    this.#refuseBlocked(address, name);
    // Names are remembered, those of nobody too: a stranger must not fill our memory with long ones.
    const caller = name.length > LONGEST_NAME ? undefined : await this.#check(name, password, address);
    if (caller !== undefined) return caller;
    const delay = this.#failures.failed(address, name);
    this.#parts.log('sign-in-failed', { user: name.slice(0, 100), address });
    const stopped = this.#failures.blockedFor(address, name);
    if (stopped > 0) this.#parts.log('sign-ins-stopped', { user: name.slice(0, 100), address, ms: stopped });
    await sleep(delay, undefined, { ref: false });
    throw new RefusedMessage(535, '5.7.8 Authentication failed: the name or the password is wrong');
  }

  /** What a signed-in caller may do by now; throws 535 when they were removed, 451 when the store does not say. */
  async current(name: string): Promise<Caller> {
    const caller = this.#configured(name) ?? (await this.#find(name));
    if (caller !== undefined) return callerOf(caller);
    throw new RefusedMessage(535, `5.7.8 User ${name} was removed`);
  }

  #refuseBlocked(address: string, name: string): void {
    const blocked = Math.ceil(this.#failures.blockedFor(address, name) / 1000);
    if (blocked > 0)
      throw new RefusedMessage(454, `4.7.0 Too many sign-ins failed from here: try again in ${blocked} s`, blocked);
  }

  async #check(name: string, password: string, address: string): Promise<Caller | undefined> {
    const configured = this.#configured(name);
    if (configured !== undefined) return sameText(configured.password, password) ? callerOf(configured) : undefined;
    const user = await this.#find(name);
    // A user that is not there takes as long as a wrong password: names must not be guessed by the clock.
    this.#nobody ??= hashPassword(randomBytes(16).toString('hex'));
    const hash = user?.passwordHash ?? (await this.#nobody);
    const right = await this.#verify(name, password, hash, address);
    return right && user !== undefined ? callerOf(user) : undefined;
  }

  #configured(name: string): SubmissionUser | undefined {
    return this.#parts.configured.find((candidate) => candidate.name === name);
  }

  async #find(name: string): Promise<User | undefined> {
    const now = this.#parts.now();
    const known = this.#users.get(name);
    if (known !== undefined && now - known.at < BELIEVED_MS) return known.user;
    const user = await this.#parts.find(name).catch((error: Error) => {
      this.#parts.log('users-unknown', { error: error.message });
      throw new RefusedMessage(454, '4.3.0 Users can not be looked up now: try again later', 5);
    });
    if (this.#users.size >= REMEMBERED) this.#users.clear();
    this.#users.set(name, { user, at: now });
    return user;
  }

  async #verify(name: string, password: string, hash: string, address: string): Promise<boolean> {
    const digest = createHmac('sha256', this.#key).update(password).digest();
    const known = this.#right.get(name);
    if (known?.hash === hash && timingSafeEqual(known.digest, digest)) return true;
    const question = JSON.stringify([networkOf(address), hash, digest.toString('base64')]);
    const asked = this.#asked.get(question) ?? this.#hash(name, password, hash, address);
    this.#asked.set(question, asked);
    const right = await asked.finally(() => this.#asked.delete(question));
    if (this.#right.size >= REMEMBERED) this.#right.clear();
    if (right) this.#right.set(name, { hash, digest });
    return right;
  }

  async #hash(name: string, password: string, hash: string, address: string): Promise<boolean> {
    if (this.#hashing >= HASHES_AT_ONCE) await this.#turn(networkOf(address));
    else this.#hashing += 1;
    try {
      // Asked again: those who wait together for their turn could otherwise try as often as there are places.
      this.#refuseBlocked(address, name);
      return await verifyPassword(password, hash);
    } finally {
      // The place is handed on, so that nobody who comes now takes it first.
      const next = this.#waiting.shift();
      if (next === undefined) this.#hashing -= 1;
      else next.go();
    }
  }

  /** Waits for a place, which is the caller's then. */
  async #turn(network: string): Promise<void> {
    const own = this.#waiting.filter((one) => one.network === network).length;
    if (this.#waiting.length >= HASHES_WAITING || own >= WAITING_OF_A_NETWORK)
      throw new RefusedMessage(454, '4.3.0 Too many sign in at once: try again in a moment', 5);
    await new Promise<void>((go) => this.#waiting.push({ network, go }));
  }
}

function callerOf(user: User | SubmissionUser): Caller {
  const { name, pools, domains = [], tenants = [], streams = [], rate = null } = user;
  return { name, pools, domains, tenants, streams, rate };
}

function sameText(expected: string, given: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(expected), digest(given));
}
