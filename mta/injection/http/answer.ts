/** Answers of the HTTP door: always JSON, and the same words as SMTP for the same fault. */
import type { ServerResponse } from 'node:http';
import type { RefusedMessage } from '../refusal.ts';
import { BadRequest, type FieldProblem } from './request.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that says what is wrong. `code` is stable, `message` is for people. */
export function failure(
  status: number,
  code: string,
  message: string,
  more: { retryAfter?: number | undefined; problems?: readonly FieldProblem[]; headers?: Record<string, string> } = {},
): Answer {
  const { retryAfter, problems, headers = {} } = more;
  return {
    status,
    body: { error: { code, message, ...(problems === undefined ? {} : { problems }) } },
    headers: { ...headers, ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }) },
  };
}

/** The HTTP answer that means what an SMTP refusal means. */
export function fromRefusal(refusal: RefusedMessage): Answer {
  if (refusal instanceof BadRequest)
    return failure(422, 'bad-request', 'The request has problems', { problems: refusal.problems });
  const [, enhanced = '', message = refusal.message] = /^([245]\.\d+\.\d+) (.*)$/s.exec(refusal.message) ?? [];
  const { retryAfter } = refusal;
  if (refusal.reply === 535)
    return failure(401, 'not-signed-in', message, { headers: { 'WWW-Authenticate': CHALLENGE } });
  if (refusal.reply < 500)
    return enhanced.startsWith('4.7.')
      ? failure(429, 'too-many', message, { retryAfter })
      : failure(503, 'try-again', message, { retryAfter: retryAfter ?? 5 });
  if (enhanced.startsWith('5.7.')) return failure(403, 'not-allowed', message);
  if (enhanced === '5.3.4') return failure(413, 'too-large', message);
  return failure(422, 'bad-message', message);
}

export const CHALLENGE = 'Basic realm="rampart", charset="UTF-8"';

export function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(text);
}
