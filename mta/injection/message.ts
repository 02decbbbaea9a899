/** What is read from, and changed in, a message on its way in: checks, control headers, trace of its origin. */
import { randomUUID } from 'node:crypto';

export class RefusedMessage extends Error {
  readonly code = 'refused-message';
  readonly reply: number;
  constructor(reply: number, message: string) {
    super(message);
    this.reply = reply;
  }
}

export interface Control {
  readonly pool?: string;
  readonly tenant: string;
  readonly stream: 'marketing' | 'transactional';
  readonly segment: string;
  readonly campaign: string;
  readonly notBefore?: number;
}

export interface Incoming {
  readonly raw: Buffer;
  readonly messageId: string;
  readonly control: Control;
}

const SEGMENTS = ['engaged-30d', '60d', '90d', 'all'];

/**
 * Bare CR or LF inside a message is what SMTP smuggling is made of (RFC 5321 §2.3.8 forbids it): refused, so that what
 * is signed and what a remote reads are the same.
 */
export function assertLineEnds(raw: Buffer): void {
  for (let at = raw.indexOf(10); at !== -1; at = raw.indexOf(10, at + 1)) {
    if (at === 0 || raw[at - 1] !== 13) throw new RefusedMessage(554, '5.6.0 bare LF is not allowed (RFC 5321 2.3.8)');
  }
  for (let at = raw.indexOf(13); at !== -1; at = raw.indexOf(13, at + 1)) {
    if (raw[at + 1] !== 10) throw new RefusedMessage(554, '5.6.0 bare CR is not allowed (RFC 5321 2.3.8)');
  }
}

/** Reads and strips the control headers, adds a Message-ID where there is none and the Received line (RFC 5321 §4.4). */
export function readMessage(raw: Buffer, received: string): Incoming {
  assertLineEnds(raw);
  // A message that begins with an empty line has no header: what follows is its body, whatever it looks like.
  const end = raw.indexOf('\r\n') === 0 ? -2 : raw.indexOf('\r\n\r\n');
  const head = (end === -1 ? raw : raw.subarray(0, Math.max(0, end))).toString('latin1');
  const body = end === -1 ? Buffer.alloc(0) : raw.subarray(end + 4);
  if (head.includes('\0')) throw new RefusedMessage(554, '5.6.0 NUL is not allowed in a header (RFC 5322 2.2)');
  const fields = head.split(/\r\n(?![ \t])/).filter((field) => field !== '');
  const values = new Map<string, string>();
  const kept: string[] = [];
  for (const field of fields) {
    const colon = field.indexOf(':');
    const name = field.slice(0, colon).trim().toLowerCase();
    values.set(
      name,
      field
        .slice(colon + 1)
        .replace(/\r\n[ \t]+/g, ' ')
        .trim(),
    );
    if (!name.startsWith('x-rampart-')) kept.push(field);
  }
  let messageId = values.get('message-id');
  if (messageId === undefined || messageId === '') {
    messageId = `<${randomUUID()}@rampart.invalid>`;
    kept.push(`Message-ID: ${messageId}`);
  }
  const lines = [`Received: ${received}`, ...kept, '', ''].join('\r\n');
  return { raw: Buffer.concat([Buffer.from(lines, 'latin1'), body]), messageId, control: control(values) };
}

function control(values: ReadonlyMap<string, string>): Control {
  const stream = values.get('x-rampart-stream') ?? 'marketing';
  if (stream !== 'marketing' && stream !== 'transactional') {
    throw new RefusedMessage(550, `5.6.0 X-Rampart-Stream is "${stream}": use marketing or transactional`);
  }
  const segment = values.get('x-rampart-segment') ?? 'all';
  if (!SEGMENTS.includes(segment)) {
    throw new RefusedMessage(550, `5.6.0 X-Rampart-Segment is "${segment}": use ${SEGMENTS.join(', ')}`);
  }
  const pool = values.get('x-rampart-pool');
  const notBefore = values.get('x-rampart-not-before');
  return {
    ...(pool === undefined ? {} : { pool }),
    ...(notBefore === undefined ? {} : { notBefore: releaseTime(notBefore) }),
    tenant: values.get('x-rampart-tenant') ?? 'default',
    stream,
    segment,
    campaign: values.get('x-rampart-campaign') ?? '',
  };
}

function releaseTime(value: string): number {
  const at = Date.parse(value);
  if (Number.isNaN(at) || at > Date.now() + 30 * 86_400_000) {
    throw new RefusedMessage(550, '5.6.0 X-Rampart-Not-Before must be a date at most 30 days ahead');
  }
  return at;
}
