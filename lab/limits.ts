/**
 * How much mail a provider takes from an address and a domain now: clampdowns, jumps over the day before, and what their
 * reputations allow. Every refusal says why, for the record.
 */
import type { PlanInstant } from './clock.ts';
import type { Dialect, Reply } from './dialect-parts.ts';
import { chance } from './random.ts';
import type { Reputation } from './reputation.ts';
import type { Clampdown } from './scenario-events.ts';
import type { ProviderSpec } from './scenario-provider.ts';
import type { Schedule } from './schedule.ts';
import { VolumeJump } from './volume-jump.ts';

export class Limits {
  readonly #spec: ProviderSpec;
  readonly #seed: number;
  readonly #dialect: Dialect;
  readonly #schedule: Schedule;
  readonly #jump: VolumeJump | null;

  constructor(options: { spec: ProviderSpec; seed: number; dialect: Dialect; schedule: Schedule }) {
    this.#spec = options.spec;
    this.#seed = options.seed;
    this.#dialect = options.dialect;
    this.#schedule = options.schedule;
    this.#jump = options.spec.volumeJump ? new VolumeJump(options.spec.volumeJump) : null;
  }

  /** Null: these recipients are not too many for the address. */
  ofAddress(reputation: Reputation, sourceIp: string, rcpts: readonly string[], at: PlanInstant): Reply | null {
    const limited = this.#dialect.limited(sourceIp);
    const [clampdown] = this.#schedule.at(this.#spec.key, 'clampdown');
    if (clampdown && rcpts.some((rcpt) => this.#clamped(clampdown, reputation, sourceIp, rcpt, at))) return limited;
    if (this.#jump?.exceeds(sourceIp, at.day, reputation.knownLevel)) return { ...limited, why: 'volume-jump' };
    const excess = reputation.excess(at);
    if (excess === 'burst') return { ...this.#dialect.throttled(sourceIp), why: 'burst' };
    if (excess === null) return null;
    for (const _ of rcpts) reputation.recordExcess(at);
    return { ...limited, why: 'allowance' };
  }

  /** Null: the message is not too much for the domain it answers for. */
  ofDomain(
    domain: Reputation,
    name: string,
    message: { readonly sourceIp: string; readonly rcpts: readonly string[] },
    at: PlanInstant,
  ): Reply | null {
    if (!this.#spec.domainReputation) return null;
    domain.rollTo(at.day);
    if (domain.standing === 'blocked') {
      domain.recordKnock(at);
      return this.#dialect.domainBlocked(name, message.sourceIp);
    }
    const excess = domain.excess(at);
    if (excess === null) return null;
    // A burst costs a domain nothing, as it costs an address nothing.
    if (excess === 'volume') for (const _ of message.rcpts) domain.recordExcess(at);
    return { ...this.#dialect.domainLimited(name), why: excess === 'volume' ? 'allowance' : 'burst' };
  }

  /** Counts a recipient the address has reached. */
  count(reputation: Reputation, sourceIp: string, at: PlanInstant): void {
    this.#jump?.count(sourceIp, at.day, reputation.knownLevel);
  }

  // A clampdown is nobody's fault: it defers without doing damage.
  #clamped(clampdown: Clampdown, reputation: Reputation, sourceIp: string, rcpt: string, at: PlanInstant): boolean {
    if (reputation.established || reputation.volumeToday(at) < clampdown.dailyAllowance) return false;
    return chance(clampdown.deferShare, this.#seed, 'clampdown', this.#spec.key, sourceIp, rcpt);
  }
}
