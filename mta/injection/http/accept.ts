/** What POST /v1/messages does with a request that was read: messages are made, admitted and committed, all or none. */
import type { Store } from '../../../store/connect.ts';
import type { KeyOf } from '../../../store/idempotency.ts';
import type { SpoolMessage } from '../../../store/spool.ts';
import { acceptedOf } from '../../../store/spool-extras.ts';
import { admit, refuseFull } from '../admit.ts';
import { belongs, type Caller, checkSender, poolFor } from '../caller.ts';
import { type Control, controlFrom } from '../control.ts';
import { envelopeAddress } from '../envelope-address.ts';
import { type Incoming, readMessage } from '../message.ts';
import { receivedLine } from '../received.ts';
import { RefusedMessage } from '../refusal.ts';
import type { InjectionParts } from '../submission.ts';
import { suppressedText } from '../suppression-check.ts';
import type { Answer } from './answer.ts';
import { compose } from './compose.ts';
import { accepted, once } from './once.ts';
import { type RequestRecipient, recipientsOf } from './recipients.ts';
import { BadRequest, type MessageRequest } from './request.ts';

export interface HttpParts extends InjectionParts {
  readonly store: Store;
  /** Recipients of one request. */
  readonly recipients: number;
}

/** Where a request came from, and how it is told from others. */
export interface RequestContext {
  readonly caller: Caller;
  /** Of the client. */
  readonly address: string;
  readonly secure: boolean;
  /** Ours: it names the request in the answer and in Received. */
  readonly id: string;
  /** Counts bytes of messages that were made against the memory for them. */
  readonly take: (bytes: number) => void;
  readonly idempotency?: { readonly of: KeyOf; readonly hash: Buffer };
}

/** A thousand personal messages are a thousand bodies: what one request may make of itself, bytes. */
const MOST_MADE = 64_000_000;

/**
 * Accepts a request: 202 after the commit, 200 when every recipient was rejected and there was nothing to commit.
 *
 * @throws RefusedMessage
 */
export async function acceptRequest(
  parts: HttpParts,
  request: MessageRequest,
  context: RequestContext,
): Promise<Answer> {
  const { caller, id } = context;
  const now = parts.now();
  const explicit = explicitControl(request, now);
  const raw = rawIncoming(parts, request, context, now);
  const control: Control = { ...(raw?.control ?? controlFrom(new Map(), now)), ...explicit };
  const belonging = belongs(caller, control);
  const { recipients, rejected } = recipientsOf(request, parts.recipients);
  const found = await parts.suppression.message(
    recipients.map((recipient) => recipient.address),
    belonging,
  );
  const left = recipients.filter((recipient) => !found.has(recipient.address));
  for (const [recipient, entry] of found) rejected.push({ recipient, reason: suppressedText(recipient, entry) });
  if (left.length === 0) return { status: 200, body: { id: null, accepted: [], rejected } };

  const messages: SpoolMessage[] = [];
  for await (const { incoming, to } of incomings(parts, request, context, raw, left, now)) {
    const mailFrom = returnPath(caller, request, incoming);
    const envelope = { mailFrom, recipients: to.map(({ address, domain }) => ({ address, domain })) };
    const message = admit(parts, caller, envelope, { ...incoming, control }, now);
    await refuseFull(parts, message);
    messages.push(message);
  }
  const known = { id, rejected };
  const { idempotency } = context;
  if (idempotency === undefined) return commit(parts, caller, messages, known);
  const { of, hash } = idempotency;
  return once(parts.store, of, hash, (token) => {
    const request = { of, token, answer: known };
    return commit(
      parts,
      caller,
      messages.map((message) => ({ ...message, request })),
      known,
    );
  });
}

async function commit(
  parts: HttpParts,
  caller: Caller,
  messages: readonly SpoolMessage[],
  known: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const count = messages.reduce((sum, message) => sum + message.recipients.length, 0);
  await parts.rates.take(caller, count);
  const spooled = await parts.spool.submitAll(messages).catch((error: unknown) => {
    parts.rates.giveBack(caller, count);
    throw error;
  });
  const [first] = messages;
  const providers = new Set(messages.flatMap((message) => message.recipients.map((recipient) => recipient.provider)));
  if (first !== undefined) parts.accepted(first.pool, providers);
  return accepted({ ...known, accepted: acceptedOf(messages, spooled) });
}

interface Made {
  readonly incoming: Incoming;
  readonly to: readonly RequestRecipient[];
}

/** The messages of a request: its own for each recipient where there are substitutions, else one for all. */
async function* incomings(
  parts: HttpParts,
  request: MessageRequest,
  context: RequestContext,
  raw: Incoming | undefined,
  left: readonly RequestRecipient[],
  now: number,
): AsyncGenerator<Made> {
  if (raw !== undefined) return yield { incoming: raw, to: left };
  const { hostname } = parts.settings;
  const personal = request.recipients?.some((recipient) => recipient.substitutions !== undefined) === true;
  let made = 0;
  for (const to of personal ? left.map((one) => [one]) : [left]) {
    const [first] = to;
    if (first === undefined) continue;
    const shown = to.length === 1 ? [first.given] : ['undisclosed-recipients:;'];
    const who = { to: shown, path: first.path, ...(personal ? { values: first.values ?? {} } : {}) };
    const composed = await compose(request, who, hostname);
    made += composed.length;
    if (made > MOST_MADE)
      throw new RefusedMessage(
        552,
        `5.3.4 The messages of this request are more than ${MOST_MADE / 1_000_000} MB: name fewer recipients`,
      );
    yield { incoming: readComposed(parts, composed, request, context, now), to };
  }
}

function rawIncoming(
  parts: HttpParts,
  request: MessageRequest,
  context: RequestContext,
  now: number,
): Incoming | undefined {
  const { raw } = request;
  if (raw === undefined) return undefined;
  // Text came through JSON, where lines end as the client's language ends them; bytes are what they are.
  const bytes = typeof raw === 'string' ? Buffer.from(raw.replace(/\r\n|\r|\n/g, '\r\n')) : raw.base64;
  return readComposed(parts, bytes, request, context, now);
}

function readComposed(
  parts: HttpParts,
  raw: Buffer,
  request: MessageRequest,
  context: RequestContext,
  now: number,
): Incoming {
  const { hostname, submission } = parts.settings;
  if (raw.length > submission.maxBytes)
    throw new RefusedMessage(552, `5.3.4 A message has ${raw.length} bytes, at most ${submission.maxBytes} are taken`);
  context.take(raw.length);
  const { caller, address, secure, id } = context;
  const received = receivedLine({ helo: '', address, protocol: secure ? 'HTTPS' : 'HTTP', id }, hostname, now);
  const asItCame = (named?: string) => parts.toUpstream?.(poolFor(caller, request.pool ?? named)) === true;
  return readMessage(raw, { received, hostname, now, smtpUtf8: true, withoutBcc: true, asItCame });
}

function returnPath(caller: Caller, request: MessageRequest, incoming: Incoming): string {
  const named = request.mailFrom ?? incoming.from[0] ?? '';
  if (named === '') return '';
  const { address } = envelopeAddress(named, true);
  checkSender(caller, address, 'mailFrom');
  return address;
}

const CONTROL_FIELDS = [
  ['pool', 'Pool'],
  ['tenant', 'Tenant'],
  ['stream', 'Stream'],
  ['segment', 'Segment'],
  ['campaign', 'Campaign'],
  ['notBefore', 'Not-Before'],
  ['expires', 'Expires'],
] as const;

/** The control values the request names; what it leaves out is not there, so that a raw message's headers count. */
function explicitControl(request: MessageRequest, now: number): Partial<Control> {
  const given = new Map<string, string>();
  const named: Partial<Record<keyof Control, unknown>> = {};
  for (const [field, header] of CONTROL_FIELDS) {
    const value = request[field];
    if (value === undefined) continue;
    given.set(header, value);
    try {
      named[field] = controlFrom(given, now)[field];
    } catch (error) {
      const expected = (error as Error).message.replace(/^\S+ X-Rampart-\S+ (must be )?/, '');
      throw new BadRequest([{ path: field, expected }]);
    }
  }
  return named as Partial<Control>;
}
