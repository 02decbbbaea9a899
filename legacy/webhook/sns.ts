/**
 * Amazon SNS messages: who signed them, and the confirmation of a subscription. The certificate is fetched from the address
 * the message names, so that address must be Amazon's own, and so must that of a confirmation: else anybody could sign with
 * a certificate of theirs, or have us fetch from a host inside. Source: SNS developer guide, "Verifying the signatures of
 * Amazon SNS messages".
 */
import { verify, X509Certificate } from 'node:crypto';
import { object, text } from '../../import/outcomes/json.ts';

/** Gets a document over https. Rejects for anything but a 200. */
export type Fetch = (url: string) => Promise<string>;

export interface SnsMessage {
  readonly type: 'Notification' | 'SubscriptionConfirmation' | 'UnsubscribeConfirmation';
  readonly topic: string;
  readonly message: string;
  /** Where a subscription is confirmed. */
  readonly subscribeUrl: string;
}

/** The message is not from SNS, or not from a topic we know. */
export class NotFromSns extends Error {}

const SIGNED: Readonly<Record<SnsMessage['type'], readonly string[]>> = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
};
const HASHES: Readonly<Record<string, string>> = { '1': 'sha1', '2': 'sha256' };
const HOST = /^sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?$/;
/** Certificates change about once a year. */
const CERTIFICATES = 20;

export class SnsVerifier {
  readonly #topics: ReadonlySet<string>;
  readonly #fetch: Fetch;
  readonly #now: () => number;
  readonly #certificates = new Map<string, X509Certificate>();

  constructor(topics: readonly string[], fetch: Fetch, now: () => number) {
    this.#topics = new Set(topics);
    this.#fetch = fetch;
    this.#now = now;
  }

  /** Checks a request's body. Throws NotFromSns; rejects with the error of the fetch when the certificate is not to be had. */
  async check(body: unknown): Promise<SnsMessage> {
    const given = object(body);
    const type = text(given?.Type) as SnsMessage['type'];
    if (given === undefined || !Object.hasOwn(SIGNED, type)) throw new NotFromSns('it is no SNS message');
    const topic = text(given.TopicArn);
    if (!this.#topics.has(topic)) throw new NotFromSns(`topic ${topic.slice(0, 200)} is none of this feed's`);
    const hash = HASHES[text(given.SignatureVersion)];
    if (hash === undefined) throw new NotFromSns('its SignatureVersion is neither 1 nor 2');
    const certificate = await this.#certificate(text(given.SigningCertURL));
    const signed = SIGNED[type].flatMap((field) => {
      const value = given[field];
      return value === undefined || value === null ? [] : [`${field}\n${text(value)}\n`];
    });
    const signature = Buffer.from(text(given.Signature), 'base64');
    if (!verify(hash, Buffer.from(signed.join('')), certificate.publicKey, signature))
      throw new NotFromSns('its signature is wrong');
    return { type, topic, message: text(given.Message), subscribeUrl: text(given.SubscribeURL) };
  }

  /** Says yes to a subscription that `check` let through. */
  async confirm(message: SnsMessage): Promise<void> {
    if (!isAmazons(message.subscribeUrl)) throw new NotFromSns('its SubscribeURL is not one of Amazon SNS');
    await this.#fetch(message.subscribeUrl);
  }

  async #certificate(url: string): Promise<X509Certificate> {
    if (!isAmazons(url) || !new URL(url).pathname.endsWith('.pem'))
      throw new NotFromSns('its SigningCertURL is not one of Amazon SNS');
    let certificate = this.#certificates.get(url);
    if (certificate === undefined) {
      const pem = await this.#fetch(url);
      try {
        certificate = new X509Certificate(pem);
      } catch {
        throw new NotFromSns('its SigningCertURL has no certificate');
      }
      if (this.#certificates.size >= CERTIFICATES) this.#certificates.clear();
      this.#certificates.set(url, certificate);
    }
    const now = this.#now();
    if (now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo)) {
      this.#certificates.delete(url);
      throw new NotFromSns('its certificate is not valid now');
    }
    return certificate;
  }
}

function isAmazons(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, port, username, password } = new URL(url);
  return protocol === 'https:' && port === '' && username === '' && password === '' && HOST.test(hostname);
}
