/** The keys this process signs with: active ones of the store, their private halves from there or from files. */
import type { Queryable } from '../../store/connect.ts';
import { addDkimKey, dkimKeys, signingKeys, signingKeysVersion } from '../../store/dkim.ts';
import { readPrivateKey } from './key-pair.ts';
import { unseal } from './seal.ts';
import type { SigningKey } from './signature.ts';

export interface KeyFile {
  readonly domain: string;
  readonly selector: string;
  readonly pem: string;
}

interface DomainKeys {
  readonly keys: readonly SigningKey[];
  /** Why the domain's mail must wait: it has active keys, and this process can use none of them. */
  readonly problem: string | null;
}

export interface KeyRingParts {
  readonly db: Queryable;
  readonly files: readonly KeyFile[];
  readonly sealKey: string | undefined;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

const NONE: DomainKeys = { keys: [], problem: null };

export class KeyRing {
  readonly #parts: KeyRingParts;
  #byDomain = new Map<string, DomainKeys>();
  #version: string | undefined;

  constructor(parts: KeyRingParts) {
    this.#parts = parts;
  }

  /** Makes keys in files known to the store, so that they too wait for their record. Throws an error that says what is wrong. */
  async enlist(): Promise<void> {
    for (const { domain, selector, pem } of this.#parts.files) {
      const { algorithm, publicKey } = readPrivateKey(pem);
      const added = await addDkimKey(this.#parts.db, { domain, selector, algorithm, publicKey, privateKey: null });
      if (added) continue;
      const known = (await dkimKeys(this.#parts.db, domain)).find((key) => key.selector === selector);
      if (known?.publicKey === publicKey) continue;
      throw new Error(
        `dkim: the file for ${selector}._domainkey.${domain} is not the key of that name: use a new selector`,
      );
    }
  }

  /** Loads the keys if any has changed. Returns whether it did. */
  async refresh(): Promise<boolean> {
    const version = await signingKeysVersion(this.#parts.db);
    if (version === this.#version) return false;
    const byDomain = new Map<string, DomainKeys>();
    for (const row of await signingKeys(this.#parts.db)) {
      const before = byDomain.get(row.domain) ?? NONE;
      try {
        const key = this.#open(row.domain, row.selector, row.privateKey);
        byDomain.set(row.domain, { keys: [...before.keys, { ...row, key }], problem: null });
      } catch (error) {
        const problem = `DKIM key ${row.selector}._domainkey.${row.domain}: ${(error as Error).message}`;
        this.#parts.log('dkim-key-unusable', { domain: row.domain, selector: row.selector, problem });
        byDomain.set(row.domain, { keys: before.keys, problem: before.keys.length > 0 ? null : problem });
      }
    }
    this.#byDomain = byDomain;
    this.#version = version;
    return true;
  }

  of(domain: string): DomainKeys {
    return this.#byDomain.get(domain) ?? NONE;
  }

  get empty(): boolean {
    return this.#byDomain.size === 0;
  }

  #open(domain: string, selector: string, stored: string | null) {
    const file = this.#parts.files.find((one) => one.domain === domain && one.selector === selector);
    if (file !== undefined) return readPrivateKey(file.pem).key;
    if (stored === null) throw new Error('its private key is in a file that this node does not name under dkim.keys');
    return readPrivateKey(unseal(stored, `${selector}._domainkey.${domain}`, this.#parts.sealKey)).key;
  }
}
