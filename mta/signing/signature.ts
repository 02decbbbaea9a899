/**
 * DKIM signatures (RFC 6376), RSA and Ed25519 (RFC 8463), made with node:crypto: nodemailer's signer knows RSA only, can not
 * sign a field that is absent, and signs on the thread that sends.
 */
import { createHash, type KeyObject, sign } from 'node:crypto';
import { bodyHash, relaxedField } from './canonical.ts';
import { type Field, splitMessage } from './header-fields.ts';

export type DkimAlgorithm = 'rsa-sha256' | 'ed25519-sha256';

export interface SigningKey {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: DkimAlgorithm;
  readonly key: KeyObject;
}

/**
 * Named once more than they occur: a field that somebody adds later breaks the signature (RFC 6376 §8.15). One-click
 * unsubscription counts only where both of its fields are signed (RFC 8058 §4).
 */
const OVERSIGNED = [
  'from',
  'to',
  'cc',
  'subject',
  'date',
  'message-id',
  'reply-to',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'list-unsubscribe',
  'list-unsubscribe-post',
];
/** Signed where they are; Gmail reads a Feedback-ID only when it is signed. */
const SIGNED = ['sender', 'in-reply-to', 'references', 'list-id', 'feedback-id'];

/** What all signatures of one message share. */
export interface Prepared {
  readonly names: string;
  readonly canonical: string;
  readonly bodyHash: string;
}

/** Canonical header and body hash of a message with CRLF line ends. */
export function prepare(
  raw: Buffer,
  split: { fields: readonly Field[]; bodyAt: number } = splitMessage(raw),
): Prepared {
  const byName = new Map<string, Field[]>();
  for (const field of split.fields) {
    const same = byName.get(field.name);
    if (same === undefined) byName.set(field.name, [field]);
    else same.push(field);
  }
  const names: string[] = [];
  let canonical = '';
  const take = (name: string, over: boolean) => {
    // From the last to the first (RFC 6376 §5.4.2): fields that relays add stand above ours.
    for (const field of (byName.get(name) ?? []).toReversed()) {
      names.push(name);
      canonical += `${relaxedField(field.name, field.value)}\r\n`;
    }
    if (over) names.push(name);
  };
  for (const name of OVERSIGNED) take(name, true);
  for (const name of SIGNED) take(name, false);
  return { names: names.join(':'), canonical, bodyHash: bodyHash(raw.subarray(split.bodyAt)) };
}

/** One `DKIM-Signature` field with its line end. `at`: ms since 1970. Rejects if the key can not sign. */
export async function signatureField(prepared: Prepared, signer: SigningKey, at: number): Promise<string> {
  const start =
    ` v=1; a=${signer.algorithm}; c=relaxed/relaxed; d=${signer.domain}; s=${signer.selector}; ` +
    `t=${Math.floor(at / 1000)};\r\n bh=${prepared.bodyHash};\r\n h=${fold(prepared.names)};\r\n b=`;
  const data = Buffer.from(`${prepared.canonical}${relaxedField('dkim-signature', start)}`, 'latin1');
  const value = await (signer.algorithm === 'rsa-sha256'
    ? signed('sha256', data, signer.key)
    : // RFC 8463 §3: Ed25519 signs the hash, not the data.
      signed(null, createHash('sha256').update(data).digest(), signer.key));
  return `DKIM-Signature:${start}${value.replace(/.{72}(?=.)/g, '$&\r\n ')}\r\n`;
}

/** In the thread pool: an RSA signature takes longer than everything else that is done for a message. */
function signed(algorithm: 'sha256' | null, data: Buffer, key: KeyObject): Promise<string> {
  return new Promise((resolve, reject) => {
    sign(algorithm, data, key, (error, signature) => {
      if (error) reject(error);
      else resolve(signature.toString('base64'));
    });
  });
}

/** White space is allowed around the colons of h= (RFC 6376 §3.5). */
function fold(names: string): string {
  return names.replace(/(.{50,70}:)(?=.)/g, '$1\r\n  ');
}
