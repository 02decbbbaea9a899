/** What POST /v1/messages may say. Every problem names the field's path and what was expected. */
import { z } from 'zod';
import { SEGMENTS, STREAMS } from '../control.ts';
import { RefusedMessage } from '../refusal.ts';

const text = z.string('expected some text');
const mailbox = text.refine(
  (value) => /@/.test(value) && !/[\r\n\0]/.test(value),
  'expected a mail address such as anna@example.com or Anna <anna@example.com>',
);
const mailboxes = z
  .union([mailbox, z.array(mailbox)], 'expected a mail address or a list of them')
  .transform((value) => (typeof value === 'string' ? [value] : value));
const headerLine = text.refine((value) => !/[\r\n\0]/.test(value), 'expected a text without line ends');
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const base64 = text
  .transform((value) => value.replace(/\s+/g, ''))
  .refine((value) => BASE64.test(value), 'expected base64')
  .transform((value) => Buffer.from(value, 'base64'));

/** Who has more to mend has read enough. */
const MOST_PROBLEMS = 100;
const MOST_ADDRESS_LETTERS = 500_000;

/** Headers with a field of their own, and those that are ours to write. */
const RESERVED =
  /^(from|sender|to|cc|bcc|reply-to|subject|mime-version|content-.*|received|return-path|dkim-signature|x-rampart-.*)$/i;
const headers = z
  .record(
    z.string().refine((name) => /^[!-9;-~]+$/.test(name) && !RESERVED.test(name)),
    z.union([headerLine, z.array(headerLine)], 'expected a text without line ends, or a list of them'),
    {
      error: (issue) =>
        issue.code === 'invalid_key'
          ? 'expected a name of printable ASCII, and no header that has a field of its own or that we write'
          : 'expected an object of header names and values',
    },
  )
  .default({});

const attachment = z.strictObject(
  {
    filename: headerLine.optional(),
    contentType: headerLine.regex(/^[\w.+-]+\/[\w.+-]+(\s*;.*)?$/, 'expected a type such as image/png').optional(),
    content: base64,
    /** Makes it an image of the html: <img src="cid:…">. */
    cid: headerLine.regex(/^[^<>\s]+$/, 'expected a name without spaces and <>').optional(),
  },
  unknownKeys('an attachment'),
);

const value = z
  .union([z.string(), z.number(), z.boolean()], 'expected a text, a number or a boolean')
  .transform(String);
const recipient = z.strictObject(
  {
    to: text,
    /** Values of {{name}}; one recipient with them makes every recipient's message its own. */
    substitutions: z.record(z.string(), value, 'expected an object of names and values').optional(),
  },
  unknownKeys('a recipient'),
);

export const requestSchema = z.strictObject(
  {
    /** A message as it is (RFC 5322): its text, or its bytes. Instead of the fields below. */
    raw: z
      .union(
        [z.string().min(1), z.strictObject({ base64 })],
        'expected the text of a message, or { "base64": its bytes }',
      )
      .optional(),
    from: mailbox.optional(),
    to: mailboxes.optional(),
    cc: mailboxes.optional(),
    replyTo: mailboxes.optional(),
    subject: headerLine.optional(),
    text: text.optional(),
    html: text.optional(),
    headers,
    attachments: z.array(attachment, 'expected a list of attachments').max(100, 'expected at most 100').default([]),
    /** Who gets it; default: those of `to` and `cc`. */
    recipients: z.array(recipient, 'expected a list of recipients').min(1, 'expected at least one').optional(),
    /** The return path; default: the address of `from`. '' is the null sender. */
    mailFrom: text.optional(),
    pool: text.optional(),
    tenant: text.optional(),
    stream: z.enum(STREAMS, `expected one of ${STREAMS.join(', ')}`).optional(),
    segment: z.enum(SEGMENTS, `expected one of ${SEGMENTS.join(', ')}`).optional(),
    campaign: text.optional(),
    notBefore: text.optional(),
    expires: text.optional(),
  },
  unknownKeys('a message'),
);

export type MessageRequest = z.output<typeof requestSchema>;

export interface FieldProblem {
  /** Such as `recipients[2].to`. */
  readonly path: string;
  readonly expected: string;
}

export class BadRequest extends RefusedMessage {
  readonly problems: readonly FieldProblem[];
  constructor(problems: readonly FieldProblem[]) {
    super(554, `5.6.0 ${problems.map(({ path, expected }) => `${path}: ${expected}`).join('; ')}`);
    this.problems = problems;
  }
}

/**
 * A request that makes sense by itself. `most`: recipients it may have.
 *
 * @throws BadRequest
 */
export function checkRequest(given: unknown, most: number): MessageRequest {
  const long = listsTooLong(given, most);
  if (long.length > 0) throw new BadRequest(long);
  const parsed = requestSchema.safeParse(given);
  if (!parsed.success)
    throw new BadRequest(
      parsed.error.issues.slice(0, MOST_PROBLEMS).map((issue) => ({
        path: pathText(issue.path),
        expected: issue.message.startsWith('expected') ? issue.message.slice('expected '.length) : issue.message,
      })),
    );
  const problems = togetherWrong(parsed.data);
  if (problems.length > 0) throw new BadRequest(problems);
  return parsed.data;
}

function togetherWrong(request: MessageRequest): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const say = (path: string, expected: string) => problems.push({ path, expected });
  const { raw, recipients } = request;
  if (raw !== undefined) {
    const COMPOSED = ['from', 'to', 'cc', 'replyTo', 'subject', 'text', 'html'] as const;
    for (const field of COMPOSED) if (request[field] !== undefined) say(field, 'nothing, because raw is there');
    if (Object.keys(request.headers).length > 0) say('headers', 'nothing, because raw is there');
    if (request.attachments.length > 0) say('attachments', 'nothing, because raw is there');
    if (recipients === undefined) say('recipients', 'who gets the raw message');
    if (recipients?.some((one) => one.substitutions !== undefined))
      say('recipients', 'no substitutions, because raw is sent as it is');
  } else {
    if (request.from === undefined) say('from', 'a mail address (or raw)');
    if (request.text === undefined && request.html === undefined) say('text', 'text or html (or raw)');
    if (recipients === undefined && request.to === undefined) say('to', 'a mail address, or recipients');
  }
  // Reading addresses takes a moment for each letter, and everybody else's mail waits meanwhile.
  const addresses = [request.from ?? '', ...(request.to ?? []), ...(request.cc ?? []), ...(request.replyTo ?? [])];
  if (addresses.reduce((sum, one) => sum + one.length, 0) > MOST_ADDRESS_LETTERS)
    say('to', `at most ${MOST_ADDRESS_LETTERS} letters of addresses in from, to, cc and replyTo together`);
  return problems;
}

/** Before the schema sees them: it would tell the faults of each item, however many there are. */
function listsTooLong(given: unknown, most: number): FieldProblem[] {
  const fields = typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {};
  return ['recipients', 'to', 'cc', 'replyTo', 'attachments'].flatMap((path) => {
    const list = fields[path];
    return Array.isArray(list) && list.length > most ? [{ path, expected: `at most ${most}` }] : [];
  });
}

function unknownKeys(what: string) {
  return {
    error: (issue: { code?: string; keys?: readonly string[] }) =>
      issue.code === 'unrecognized_keys'
        ? `expected no ${issue.keys?.join(', ')}: ${what} has no such field`
        : `expected an object: ${what}`,
  };
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
}
