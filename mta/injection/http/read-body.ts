/** Reads a request's JSON within its limit. */
import type { IncomingMessage } from 'node:http';
import { type Answer, failure } from './answer.ts';

/** Why a body is not read, from its headers alone; undefined: it may be. `most`: bytes. */
export function refuseBody(request: IncomingMessage, most: number): Answer | undefined {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json')
    return failure(415, 'not-json', `Send Content-Type: application/json, not ${type?.slice(0, 80) ?? 'nothing'}`);
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') return failure(415, 'encoded', 'Send the body without Content-Encoding');
  if (Number(request.headers['content-length'] ?? 0) > most) return tooLarge(most);
  return undefined;
}

/** The bytes of a body, or why not. `take` is told of each chunk before it is kept, and may throw. */
export async function readBody(
  request: IncomingMessage,
  most: number,
  take: (bytes: number) => void,
): Promise<Buffer | Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > most) return tooLarge(most);
      take(chunk.length);
      chunks.push(chunk);
    }
  } catch (error) {
    // The client's fault, or its network's, and none of ours: nobody reads the answer.
    if ((error as { code?: unknown }).code === 'ECONNRESET')
      return failure(400, 'cut-off', 'The connection ended before the body did');
    throw error;
  }
  return Buffer.concat(chunks);
}

function tooLarge(most: number): Answer {
  return failure(413, 'too-large', `The body is larger than ${most} bytes`);
}
