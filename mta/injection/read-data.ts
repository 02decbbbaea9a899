/** Reads one message from its DATA stream, within its own limit and within what all messages may take. */
import type { SMTPServerDataStream } from 'smtp-server';
import { RefusedMessage } from './refusal.ts';

/** Hears every chunk of a message; resolves after its last, rejects when the connection broke before. */
export function eachChunk(stream: SMTPServerDataStream, heard: (chunk: Buffer) => void): Promise<void> {
  // Events and not `for await`, which costs more for the one chunk of a usual message than what is done with it.
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('end', resolve);
    stream.on('data', heard);
  });
}

/**
 * The bytes of a message. `take` is told of each chunk before it is kept, and may throw. Whatever is refused is still
 * read to its end: the client is owed its reply, which it reads only after its last byte.
 *
 * @throws RefusedMessage 552, or what `take` threw.
 */
export async function readData(stream: SMTPServerDataStream, take: (bytes: number) => void): Promise<Buffer> {
  let chunks: Buffer[] = [];
  let refused: unknown;
  await eachChunk(stream, (chunk) => {
    if (refused !== undefined) return;
    try {
      if (stream.sizeExceeded) throw new RefusedMessage(552, '5.3.4 Message is larger than this server takes');
      take(chunk.length);
      chunks.push(chunk);
    } catch (error) {
      refused = error;
      chunks = [];
    }
  });
  if (stream.sizeExceeded) throw new RefusedMessage(552, '5.3.4 Message is larger than this server takes');
  if (refused !== undefined) throw refused;
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}
