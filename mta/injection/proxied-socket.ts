/** Takes the PROXY header off a new connection; what follows it is left for whoever reads next. */
import type { Socket } from 'node:net';
import { readProxyHeader, type Source } from './proxy-header.ts';

/**
 * Resolves with who is behind the proxy, null for the proxy itself. Rejects when the header is wrong or the connection
 * ends before it is whole; the socket is destroyed by then. How long that may take is the caller's to limit.
 */
export function proxiedSource(socket: Socket): Promise<Source | null> {
  return new Promise((resolve, reject) => {
    let given: Buffer = Buffer.alloc(0);
    const stop = () => {
      socket.off('readable', read).off('end', ended).off('close', ended).off('error', failed);
    };
    // A late error of a socket that is going away, or is being handed on, must not end the process.
    socket.on('error', () => {});
    const failed = (error: Error) => {
      stop();
      socket.destroy();
      reject(error);
    };
    const ended = () => failed(new Error('the connection ended before its PROXY header was whole'));
    const read = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        given = Buffer.concat([given, chunk]);
        const header = readProxyHeader(given);
        if (header.state === 'more') continue;
        if (header.state === 'bad') return failed(new Error(`the PROXY header is wrong: ${header.why}`));
        stop();
        const rest = given.subarray(header.length);
        if (rest.length > 0) socket.unshift(rest);
        return resolve(header.source);
      }
    };
    socket.on('readable', read).on('end', ended).on('close', ended).on('error', failed);
  });
}
