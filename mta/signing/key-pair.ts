/** DKIM key pairs: made, read from PEM, and shown as the DNS record that publishes them. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { DkimAlgorithm } from './signature.ts';

/** RFC 8301 §3.2 asks for 2048 bits; more does not fit many DNS panels and buys nothing today. */
const RSA_BITS = 2048;
/** An Ed25519 SubjectPublicKeyInfo is 12 bytes of prefix and the key itself, which is what p= carries (RFC 8463 §4.2). */
const ED25519_BYTES = 32;

export interface KeyPair {
  readonly algorithm: DkimAlgorithm;
  /** base64, as in p=. */
  readonly publicKey: string;
  /** PKCS #8 PEM. */
  readonly privatePem: string;
}

export function newKeyPair(algorithm: DkimAlgorithm): KeyPair {
  const { privateKey } =
    algorithm === 'rsa-sha256'
      ? generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
      : generateKeyPairSync('ed25519');
  return {
    algorithm,
    publicKey: publicPart(privateKey),
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** Reads a PEM private key. Throws an error that says what is wrong with it. */
export function readPrivateKey(pem: string): {
  readonly key: KeyObject;
  readonly algorithm: DkimAlgorithm;
  readonly publicKey: string;
} {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw new Error(`is no private key in PEM (${(error as Error).message})`);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType === 'ed25519') return { key, algorithm: 'ed25519-sha256', publicKey: publicPart(key) };
  if (key.asymmetricKeyType !== 'rsa') throw new Error(`is a ${key.asymmetricKeyType} key: use RSA or Ed25519`);
  if (bits < 1024) throw new Error(`is an RSA key of ${bits} bits: receivers take 1024 at the least, use 2048`);
  return { key, algorithm: 'rsa-sha256', publicKey: publicPart(key) };
}

function publicPart(privateKey: KeyObject): string {
  const der = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return (privateKey.asymmetricKeyType === 'ed25519' ? der.subarray(-ED25519_BYTES) : der).toString('base64');
}

/** Name of the TXT record that publishes a key (RFC 6376 §3.6.2.1). */
export function recordName(domain: string, selector: string): string {
  return `${selector}._domainkey.${domain}`;
}

/** Its text. */
export function recordText(algorithm: DkimAlgorithm, publicKey: string): string {
  return `v=DKIM1; k=${algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519'}; p=${publicKey}`;
}

/**
 * What is wrong with what DNS has for a key, or null when receivers will find it. `texts`: the TXT records at its name, the
 * strings of each joined.
 */
export function recordProblem(texts: readonly string[], algorithm: DkimAlgorithm, publicKey: string): string | null {
  const keys = texts.map(tags).filter((record) => record.has('p') && (record.get('v') ?? 'DKIM1') === 'DKIM1');
  if (keys.length === 0) return texts.length === 0 ? 'there is no TXT record yet' : 'the TXT record is no DKIM key';
  // RFC 6376 §3.6.2.2: with several records the result is undefined, so a verifier may take the wrong one.
  if (keys.length > 1) return `there are ${keys.length} keys at this name: leave one`;
  const [record] = keys;
  if (record?.get('p') === '') return 'the record revokes the key (p= is empty)';
  if (record?.get('p')?.replace(/\s+/g, '') !== publicKey) return 'the record has another public key';
  const kind = record.get('k') ?? 'rsa';
  if (kind !== (algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519')) return `the record says k=${kind}`;
  return null;
}

function tags(text: string): Map<string, string> {
  const pairs = text.split(';').map((tag) => tag.split('=') as [string, ...string[]]);
  return new Map(pairs.map(([name, ...value]) => [name.trim(), value.join('=').trim()]));
}
