/**
 * Who is at the other end of an HTTP connection, and how many connections a network has. A listed proxy says it in a PROXY
 * protocol header before the first byte of HTTP (or of TLS); `X-Forwarded-For` and its like are never read, because anybody
 * can send them.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { NetworkCount } from '../client-network.ts';
import { proxiedSource } from '../proxied-socket.ts';

/** A proxy has this long (ms) for its header: it is the first thing it sends. */
const HEADER_MS = 10_000;

type End = Pick<Socket, 'remoteAddress' | 'remotePort'>;

export class Clients {
  readonly #counts: NetworkCount<Socket>;
  /** Clients of proxies, by the proxy's end of their connection. */
  readonly #behind = new Map<string, string>();
  readonly #onBadProxy: (proxy: string, error: Error) => void;

  /**
   * Watches the connections of a server (http or https). `proxies`: addresses whose connections begin with a header; `most`:
   * connections of one network. A wrong header, or one connection too many, closes the connection.
   */
  constructor(
    server: Server,
    proxies: readonly string[],
    most: number,
    onBadProxy: (proxy: string, error: Error) => void,
  ) {
    this.#counts = new NetworkCount(most);
    this.#onBadProxy = onBadProxy;
    const trusted = new Set(proxies);
    // HTTP, or TLS before it, begins where the header ends: their listeners get the socket after us.
    const serve = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      const begin = (address: string) => {
        if (!this.#counts.add(socket, address)) return socket.destroy();
        socket.once('close', () => this.#counts.remove(socket));
        for (const listener of serve) listener.call(server, socket);
      };
      const peer = plain(socket.remoteAddress);
      if (trusted.has(peer)) void this.#proxied(socket, peer, begin);
      else begin(peer);
    });
  }

  /** Address of the client a request came from: the one behind the proxy, where a listed one brought it. */
  of(socket: End): string {
    return this.#behind.get(endOf(socket)) ?? plain(socket.remoteAddress);
  }

  async #proxied(socket: Socket, proxy: string, begin: (address: string) => void): Promise<void> {
    const late = setTimeout(() => socket.destroy(new Error('no PROXY header came')), HEADER_MS);
    try {
      const source = await proxiedSource(socket);
      if (source !== null) {
        // By its two ends, not by the socket: above TLS it is another object.
        const end = endOf(socket);
        this.#behind.set(end, source.address);
        socket.once('close', () => this.#behind.delete(end));
      }
      begin(source?.address ?? proxy);
    } catch (error) {
      this.#onBadProxy(proxy, error as Error);
    } finally {
      clearTimeout(late);
    }
  }
}

function endOf({ remoteAddress, remotePort }: End): string {
  return `${remoteAddress} ${remotePort}`;
}

/** An IPv4 address inside IPv6 is that IPv4 address. */
function plain(address = ''): string {
  return address.replace(/^::ffff:/, '');
}
