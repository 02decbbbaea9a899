/** Makes a key and stores it: what adding and rotating have in common. */
import { newKeyPair, recordName } from '../../mta/signing/key-pair.ts';
import { seal } from '../../mta/signing/seal.ts';
import type { Store } from '../../store/connect.ts';
import { addDkimKey, dkimKeys } from '../../store/dkim.ts';
import { badInput, type Invocation, text } from '../command.ts';
import { loadConfig } from '../config/load.ts';
import type { PublicKey } from './dkim-text.ts';

export type Algorithm = 'rsa-sha256' | 'ed25519-sha256';

/** The secret that seals private keys, from the configuration; undefined: they are stored as they are. */
export async function sealKeyOf(invocation: Invocation): Promise<string | undefined> {
  const { mta } = await loadConfig({ file: text(invocation, 'config'), env: invocation.env });
  return mta.delivery?.dkim.sealKey;
}

/** `rsa`, `ed25519` or `both` as algorithms; throws CliError `bad-input`. */
export function algorithmsOf(given: string): Algorithm[] {
  if (given === 'both') return ['rsa-sha256', 'ed25519-sha256'];
  if (given === 'rsa' || given === 'ed25519') return [`${given}-sha256`];
  throw badInput(`"${given}" is no algorithm: choose rsa, ed25519 or both`);
}

/** Makes and stores a key under this selector, or under the day's first free one. Throws CliError when it is taken. */
export async function makeKey(
  store: Store,
  domain: string,
  algorithm: Algorithm,
  selector: string | undefined,
  sealKey: string | undefined,
): Promise<PublicKey> {
  const taken = new Set((await dkimKeys(store, domain)).map((key) => key.selector));
  const name = selector ?? freeSelector(algorithm, taken);
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw badInput(`"${name}" is no selector: use small letters, digits and dashes`);
  }
  const pair = newKeyPair(algorithm);
  const privateKey = sealKey === undefined ? pair.privatePem : seal(pair.privatePem, recordName(domain, name), sealKey);
  const key = { domain, selector: name, algorithm, publicKey: pair.publicKey };
  if (await addDkimKey(store, { ...key, privateKey })) return key;
  throw badInput(`${domain} has a key with the selector ${name}: selectors are used once, choose another`);
}

function freeSelector(algorithm: Algorithm, taken: ReadonlySet<string>): string {
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const first = `${algorithm === 'rsa-sha256' ? 'r' : 'e'}${day}`;
  if (!taken.has(first)) return first;
  let n = 2;
  while (taken.has(`${first}-${n}`)) n++;
  return `${first}-${n}`;
}
