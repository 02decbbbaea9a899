/** Builds the MIME message of a request that came as fields, with nodemailer's composer. */
import { randomUUID } from 'node:crypto';
import MailComposer from 'nodemailer/lib/mail-composer';
import { BadRequest, type FieldProblem, type MessageRequest } from './request.ts';
import { type Place, substitute, type Values } from './substitute.ts';

export interface ComposeFor {
  /** Addresses of the To header where the request has none of its own. */
  readonly to: readonly string[];
  /** Values of placeholders; undefined: braces stay as they are. */
  readonly values?: Values;
  /** Path of the recipient, for problems. */
  readonly path: string;
}

/**
 * The message's bytes, CRLF line ends.
 *
 * @param hostname domain of its Message-ID
 * @throws BadRequest when a placeholder has no value.
 */
export async function compose(request: MessageRequest, who: ComposeFor, hostname: string): Promise<Buffer> {
  const problems: FieldProblem[] = [];
  const fill = (field: string, text: string | undefined, place: Place): string | undefined => {
    const { values } = who;
    if (text === undefined || values === undefined) return text;
    return substitute(text, values, place, (name) =>
      problems.push({ path: `${who.path}.substitutions`, expected: `a value for {{${name}}} of ${field}` }),
    );
  };
  // The composer would put its own in place of the one among the headers, and its sender look for it in vain.
  const named = Object.keys(request.headers).some((name) => name.toLowerCase() === 'message-id');
  const mail = new MailComposer({
    ...(named ? {} : { messageId: `<${randomUUID()}@${hostname}>` }),
    from: fill('from', request.from, 'header'),
    to: request.to?.map((one) => fill('to', one, 'header') ?? one) ?? [...who.to],
    cc: request.cc?.map((one) => fill('cc', one, 'header') ?? one),
    replyTo: request.replyTo?.map((one) => fill('replyTo', one, 'header') ?? one),
    subject: fill('subject', request.subject ?? '', 'header'),
    text: fill('text', request.text, 'text'),
    html: fill('html', request.html, 'html'),
    headers: Object.entries(request.headers).flatMap(([key, given]) =>
      [given].flat().map((value) => ({ key, value: fill(`headers.${key}`, value, 'header') ?? value })),
    ),
    attachments: request.attachments.map(({ content, contentType, filename, cid }) => ({
      content,
      filename: filename ?? false,
      ...(contentType === undefined ? {} : { contentType }),
      ...(cid === undefined ? {} : { cid }),
    })),
    newline: 'win',
    // A request must not make us read our own files or call addresses for it.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  if (problems.length > 0) throw new BadRequest(problems);
  const raw = await new Promise<Buffer>((resolve, reject) => {
    mail.compile().build((error, built) => (error ? reject(error) : resolve(built as Buffer)));
  });
  return raw;
}
