/** Stores DKIM keys that another engine signed with: from PEM, sealed like those made here. No key is ever shown. */
import { readPrivateKey, recordName } from '../../mta/signing/key-pair.ts';
import { seal } from '../../mta/signing/seal.ts';
import type { Store } from '../../store/connect.ts';
import { addDkimKey } from '../../store/dkim.ts';

export interface GivenKey {
  readonly domain: string;
  readonly selector: string;
  /** Private key, PEM. */
  readonly pem: string;
}

export type KeyEnd = 'added' | 'known' | 'refused';

/**
 * Stores one key; `known`: the domain has a key of this selector, which was left as it is. It signs when its record is
 * seen in DNS, where that of a key in use is already.
 */
export async function storeKey(
  store: Store,
  { domain, selector, pem }: GivenKey,
  sealKey: string | undefined,
): Promise<{ readonly end: KeyEnd; readonly says: string }> {
  let read: ReturnType<typeof readPrivateKey>;
  try {
    read = readPrivateKey(pem);
  } catch {
    // What the parser quotes may be part of the key.
    return { end: 'refused', says: 'its file holds no RSA or Ed25519 private key in PEM without a passphrase' };
  }
  const { algorithm, publicKey } = read;
  const privatePem = read.key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const privateKey = sealKey === undefined ? privatePem : seal(privatePem, recordName(domain, selector), sealKey);
  const added = await addDkimKey(store, { domain, selector, algorithm, publicKey, privateKey });
  return added
    ? { end: 'added', says: 'signs when its record is seen in DNS' }
    : { end: 'known', says: 'is there already, and was left as it is' };
}
