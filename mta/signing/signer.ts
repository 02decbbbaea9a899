/** Signs what goes out: with the author's domain, and with the sending platform's own where a pool has one. */
import { authorDomain } from './author-domain.ts';
import { splitMessage } from './header-fields.ts';
import type { KeyRing } from './key-ring.ts';
import { prepare, signatureField } from './signature.ts';

/** No key of this domain can be used here: its mail waits. */
export class KeyUnusable extends Error {
  readonly code = 'dkim-key-unusable';
}

export interface SignerParts {
  readonly ring: Pick<KeyRing, 'empty' | 'of'>;
  /** Domain that signs all mail of a pool, beside the author's: the platform's own reputation and feedback loops. */
  readonly platformDomain: (pool: string) => string | undefined;
  /** ms since 1970. */
  readonly clock: () => number;
}

/** Messages whose signatures are remembered: recipients of one message come close together. */
const REMEMBERED = 2_000;
/** A signature is made anew after this; t= should be near the time a receiver sees it. */
const FRESH_MS = 15 * 60_000;

interface Signed {
  readonly fields: Promise<string>;
  readonly at: number;
}

export class Signer {
  readonly #parts: SignerParts;
  readonly #signed = new Map<string, Signed>();
  /** By the bytes of messages that have no number yet. */
  #ahead = new WeakMap<Buffer, Signed & { readonly pool: string }>();

  constructor(parts: SignerParts) {
    this.#parts = parts;
  }

  /** Keys changed: what was signed with the old ones is not used again. */
  forget(): void {
    this.#signed.clear();
    this.#ahead = new WeakMap();
  }

  /** Begins with a message that is about to be committed: threads sign while the store writes. */
  ahead(raw: Buffer, pool: string): void {
    if (this.#parts.ring.empty || this.#ahead.get(raw)?.pool === pool) return;
    const at = this.#parts.clock();
    const fields = this.#sign(raw, pool, at);
    // Whoever asks for them hears of it.
    fields.catch(() => {});
    this.#ahead.set(raw, { fields, at, pool });
  }

  /**
   * DKIM-Signature fields of a message, each with its line end; '' where its domains have no active key. The trace field
   * above them is another one for each recipient and proves itself, so it is not signed, and recipients of one message
   * share its signatures. Rejects with KeyUnusable.
   */
  fields(message: number, raw: Buffer, pool: string): Promise<string> | '' {
    if (this.#parts.ring.empty) return '';
    const now = this.#parts.clock();
    const id = `${message} ${pool}`;
    const known = this.#signed.get(id);
    if (known !== undefined && now - known.at < FRESH_MS) return known.fields;
    const ahead = this.#ahead.get(raw);
    const signed =
      ahead?.pool === pool && now - ahead.at < FRESH_MS ? ahead : { fields: this.#sign(raw, pool, now), at: now };
    const { fields } = signed;
    this.#signed.delete(id);
    this.#signed.set(id, signed);
    if (this.#signed.size > REMEMBERED) this.#signed.delete(this.#signed.keys().next().value as string);
    fields.catch(() => this.#signed.delete(id));
    return fields;
  }

  async #sign(raw: Buffer, pool: string, now: number): Promise<string> {
    const split = splitMessage(raw);
    const domains = new Set([authorDomain(split.fields), this.#parts.platformDomain(pool)]);
    const keys = [...domains].flatMap((domain) => {
      if (domain === null || domain === undefined) return [];
      const known = this.#parts.ring.of(domain);
      if (known.problem !== null) throw new KeyUnusable(known.problem);
      return known.keys;
    });
    if (keys.length === 0) return '';
    const prepared = prepare(raw, split);
    return (await Promise.all(keys.map((key) => signatureField(prepared, key, now)))).join('');
  }
}
