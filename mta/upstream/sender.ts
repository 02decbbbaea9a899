/**
 * Hands a pool's mail on to its upstream: byte for byte as it was taken in, with its own MAIL FROM, and nothing of ours on
 * it but, where that is asked for, the trace header that its engine's reports join by. Not a lane: there is no grant, no evidence and nothing to protect but the mail itself.
 */
import { TRACE_HEADER, traceToken } from '../../policy/trace.ts';
import { UPSTREAM } from '../../store/pools.ts';
import type { Claimed, Outcome } from '../../store/queue.ts';
import * as clock from '../clock.ts';
import type { Carrier, Unit } from '../egress/carrier.ts';
import { type Answer, EgressConnection } from '../egress/connection.ts';
import { retryAfter } from '../egress/retry.ts';
import { securityText } from '../transport-security/requirement.ts';
import { type UpstreamSessionParts, UpstreamSessions } from './sessions.ts';
import type { UpstreamSettings } from './settings.ts';
import { aboutUpstream, upstreamVerdict } from './verdict.ts';

export interface UpstreamParts extends UpstreamSessionParts {
  readonly traceKey: string;
  readonly commit: (outcome: Outcome) => Promise<void>;
  readonly postpone: (id: number, due: number, why: string) => Promise<void>;
  /** Why this message may not go now, or null: asked just before MAIL FROM. */
  readonly stops: (message: Claimed) => Promise<string | null>;
  readonly leaseFresh: () => boolean;
  /** Whose mailboxes a domain has, where that is known; else null. */
  readonly knownProvider: (domain: string) => string | null;
  /** Living MTA processes: each has its part of the connections. */
  readonly processes: () => number;
  /** Real ms of a plan millisecond. */
  readonly scale: () => number;
  readonly began: () => void;
  readonly freed: (id: number) => void;
}

/** Mail that a hold stops is looked at again after so long. */
const STOPPED_MS = 2_000;

export class UpstreamSender implements Carrier {
  readonly restsUntil = 0;
  readonly #settings: UpstreamSettings;
  readonly #parts: UpstreamParts;
  readonly #sessions: UpstreamSessions;
  /** Of tenants that sign in as themselves. */
  readonly #own: ReadonlyMap<string, UpstreamSessions>;
  #busy = 0;
  begun = 0;

  constructor(settings: UpstreamSettings, parts: UpstreamParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#sessions = new UpstreamSessions(settings, parts);
    this.#own = new Map(
      Object.entries(settings.tenants ?? {}).map(([tenant, auth]) => [
        tenant,
        new UpstreamSessions({ ...settings, auth }, parts),
      ]),
    );
  }

  get freeSlots(): number {
    return Math.max(1, Math.floor(this.#settings.connections / this.#parts.processes())) - this.#busy;
  }

  /** All its mail goes to the same hosts, whatever its domain: there is nothing to keep for others. */
  mayHold(): boolean {
    return true;
  }

  hold(): number {
    return 0;
  }

  letGo(): void {}

  fit<M>(mails: readonly M[]): readonly M[] {
    return mails;
  }

  /** Hands one message on; never rejects. The slot is taken at once and freed when the outcome is committed. */
  async send(message: Claimed, _unit: Unit): Promise<void> {
    this.#busy += 1;
    this.begun += 1;
    this.#parts.began();
    try {
      await this.#send(message);
    } catch (error) {
      // Only the store can fail here, and only before anything was sent: the claim is found in nobody's hands later.
      this.#parts.log('send-failed', { recipient: message.id, error: (error as Error).message });
    } finally {
      this.#busy -= 1;
      this.#parts.freed(message.id);
    }
  }

  /** One tenant's wrong password is no rest for the others: what can not go is put off when it is tried. */
  siteRestsUntil(_domain: string, now: number): number {
    return Math.min(...this.#all.map((sessions) => sessions.restsUntil(now)));
  }

  siteWhy(): string | null {
    return this.#all.map((sessions) => sessions.why).find((why) => why !== null) ?? null;
  }

  closeIdle(now: number): void {
    for (const sessions of this.#all) sessions.closeIdle(now);
  }

  close(): void {
    for (const sessions of this.#all) sessions.close();
  }

  get #all(): readonly UpstreamSessions[] {
    return [this.#sessions, ...this.#own.values()];
  }

  async #send(message: Claimed): Promise<void> {
    const parts = this.#parts;
    const sessions = this.#own.get(message.tenant) ?? this.#sessions;
    const reached = await sessions.reach();
    if (!(reached instanceof EgressConnection)) return parts.postpone(message.id, reached.due, reached.why);
    const stopped = await parts.stops(message);
    if (stopped !== null) {
      sessions.keep(reached);
      return parts.postpone(message.id, clock.now() + STOPPED_MS, stopped);
    }
    const at = clock.now();
    const { mailFrom, rcpt, raw } = message;
    const answer =
      reached.misfit(mailFrom, rcpt, raw) ??
      (await reached.deliver(mailFrom, rcpt, raw, parts.leaseFresh, undefined, this.#head(message)));
    if (aboutUpstream(answer)) {
      // A kept connection may have died of age: only an answer makes its host rest.
      const fresh = answer.code !== 0 || !answer.stale;
      const due = fresh ? sessions.failed(reached, answer.text) : clock.now();
      if (!fresh) sessions.drop(reached);
      return parts.postpone(message.id, due, answer.text.slice(0, 300));
    }
    await parts.commit(this.#outcome(message, at, answer, reached));
    if (answer.code !== 250 && !(await reached.reset())) return sessions.drop(reached);
    sessions.keep(reached);
  }

  #head({ id }: Claimed): Buffer | undefined {
    if (this.#settings.trace !== true) return undefined;
    return Buffer.from(`${TRACE_HEADER}: ${traceToken(id, this.#parts.traceKey)}\r\n`, 'latin1');
  }

  #outcome(message: Claimed, at: number, answer: Answer, { spec, secured }: EgressConnection): Outcome {
    const now = clock.now();
    const verdict = upstreamVerdict(answer);
    const number = message.attempts + 1;
    const firstAt = message.firstAttempt ?? at;
    const ladder = { ...verdict, attempts: number, firstAt, now, scale: this.#parts.scale(), random: Math.random() };
    // As everywhere: an answer that never came is asked for once more, and then believed to have been yes.
    const again = verdict.severity === 'deferred' || (verdict.severity === 'in-doubt' && message.doubts === 0);
    return {
      recipient: message.id,
      message: message.message,
      address: null,
      provider: this.#providerOf(message),
      ...(message.front === null ? {} : { pool: this.#settings.pool }),
      windowIndex: null,
      at,
      number,
      firstAt,
      unit: false,
      ...verdict,
      reply: `${answer.code === 0 ? '' : `${answer.code} `}${answer.text.replace(/^\d{3}[ -]/, '')}`.slice(0, 500),
      host: answer.ours ? null : `${spec.host}:${spec.port}`,
      tls: securityText(secured),
      campaign: message.campaign,
      tenant: message.tenant,
      probe: message.pinned,
      retry: again ? { due: now + retryAfter(ladder).delay, free: false } : null,
    };
  }

  #providerOf({ provider, mailboxProvider, domain }: Claimed): string {
    if (provider !== UPSTREAM) return provider;
    return mailboxProvider ?? this.#parts.knownProvider(domain) ?? UPSTREAM;
  }
}
