/** One feed's way in over HTTP: who may, what is in it, and the answer, which is 200 only when it is kept. */
import type { IncomingHttpHeaders } from 'node:http';
import type { LegacyEvent } from '../../import/outcomes/event.ts';
import { recordOf } from '../../import/outcomes/formats.ts';
import { list, parsed } from '../../import/outcomes/json.ts';
import { Unreadable } from '../../import/outcomes/line-reader.ts';
import type { Intake } from '../intake.ts';
import type { FeedSettings, Log, WebhookProof } from '../settings.ts';
import { signedByMailgun } from './mailgun.ts';
import { hasSecret } from './secret.ts';
import { sendGridKey, signedBySendGrid } from './sendgrid.ts';
import { type Fetch, NotFromSns, SnsVerifier } from './sns.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface DoorParts {
  readonly feed: FeedSettings & { readonly webhook: WebhookProof };
  readonly intake: Intake;
  readonly fetch: Fetch;
  /** ms */
  readonly now: () => number;
  readonly log: Log;
}

export type Door = (headers: IncomingHttpHeaders, body: Buffer) => Promise<Answer>;

/** What becomes of the values in a body: null, the request is answered already. */
type Prove = (headers: IncomingHttpHeaders, body: Buffer) => Promise<readonly unknown[] | Answer>;

/** Rejects when the store does not take what came: the sender is told to come again. */
export function openDoor(parts: DoorParts): Door {
  const { feed, intake } = parts;
  const read = recordOf(feed);
  const prove = proofOf(parts);
  return async (headers, body) => {
    const values = await prove(headers, body);
    if (!isList(values)) return values;
    const events: LegacyEvent[] = [];
    let unreadable = 0;
    for (const value of values) {
      try {
        events.push(...read(value));
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        unreadable += 1;
      }
    }
    // Nothing of it can be read: a wrong feed, most likely, and its sender should hear of it.
    if (unreadable > 0 && unreadable === values.length)
      return failure(422, 'unreadable', `the body has no record of format ${feed.format}`);
    const { kept, repeated, joined, tooOld } = await intake.take(events, { unreadable });
    return { status: 200, body: { kept, repeated, joined, tooOld, unreadable } };
  };
}

export function failure(status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } };
}

function isList(given: readonly unknown[] | Answer): given is readonly unknown[] {
  return Array.isArray(given);
}

const BAD_JSON = failure(400, 'bad-json', 'the body is not JSON');
const REFUSED = failure(401, 'not-signed', 'the request does not prove that it is from this feed');

function proofOf({ feed, fetch, now, log }: DoorParts): Prove {
  const proof = feed.webhook;
  switch (proof.kind) {
    case 'secret':
      return async ({ authorization }, body) =>
        hasSecret(authorization, proof.secret) ? (valuesOf(body) ?? BAD_JSON) : REFUSED;
    case 'sendgrid': {
      const key = sendGridKey(proof.publicKey);
      return async (headers, body) => (signedBySendGrid(key, headers, body) ? (valuesOf(body) ?? BAD_JSON) : REFUSED);
    }
    case 'mailgun':
      return async (_headers, body) => {
        const value = parsed(body.toString('utf8'));
        if (value === undefined) return BAD_JSON;
        return signedByMailgun(proof.signingKey, value, now()) ? [value] : REFUSED;
      };
    case 'sns': {
      const verifier = new SnsVerifier(proof.topics, fetch, now);
      return async (_headers, body) => {
        const value = parsed(body.toString('utf8'));
        if (value === undefined) return BAD_JSON;
        try {
          const message = await verifier.check(value);
          if (message.type === 'Notification') return [parsed(message.message)];
          // Only whoever holds the topic can end it; we do not go back in.
          if (message.type === 'SubscriptionConfirmation') await verifier.confirm(message);
          log('legacy-sns', { feed: feed.name, type: message.type, topic: message.topic });
          return { status: 200, body: { topic: message.topic } };
        } catch (error) {
          if (!(error instanceof NotFromSns)) throw error;
          log('legacy-refused', { feed: feed.name, why: error.message });
          return failure(401, 'not-signed', error.message);
        }
      };
    }
  }
}

/** A list, one value, or one value a line; undefined: it is no JSON. */
function valuesOf(body: Buffer): readonly unknown[] | undefined {
  const text = body.toString('utf8').trim();
  const whole = parsed(text);
  if (whole !== undefined) return list(whole);
  const lines = text.split('\n').map(parsed);
  return lines.length > 1 && lines[0] !== undefined ? lines : undefined;
}
