/**
 * A client's connection. smtp-server does the protocol; what it has no option for is here: replies that bring their own
 * enhanced status code, an end to connections that are never idle, the PROXY protocol's version 2, and a message's text without
 * the streams it would go through. It uses a few of its base class's internals, which its published types declare; package.json
 * pins the version.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerOptions } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { MessageText } from './message-text.ts';
import { proxiedSource } from './proxied-socket.ts';

const OWN_CODE = /^[245]\.\d{1,3}\.\d{1,3} /;
/** How soon a connection whose time is over is looked at again while it waits for us. */
const AGAIN_MS = 1_000;

class Connection extends SMTPConnection {
  #timer: NodeJS.Timeout | undefined;
  #signIn: NodeJS.Timeout | undefined;
  authInClear: ((address: string) => boolean) | undefined;
  /** It was to end while a message waited for its answer. */
  #leaving = false;

  /** Ends the connection after `ms`, but never between a message's end and our answer to it. */
  endAfter(ms: number): void {
    this.#timer = setTimeout(() => this.#end(), ms).unref();
  }

  /** Ends it after `ms` unless somebody has signed in: strangers must not hold every place there is. */
  endUnlessSignedIn(ms: number): void {
    this.#signIn = setTimeout(() => {
      if (this.session.user || this._closing || this._closed) return;
      this.send(421, '4.4.2 Nobody has signed in: open another connection');
    }, ms).unref();
  }

  /** Whichever socket it is by now: STARTTLS replaces it, and takes the listeners off the old one. */
  override _onClose(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#signIn);
    super._onClose();
  }

  override _createParser(): ReturnType<SMTPConnection['_createParser']> {
    const parser = super._createParser();
    // As the library does it, but for the stream it would make.
    parser.startDataMode = (maxBytes) => {
      const text = new MessageText() as unknown as SMTPServerDataStream;
      parser._dataMode = true;
      parser._maxBytes = Number(maxBytes) || Number.POSITIVE_INFINITY;
      parser.dataBytes = 0;
      parser._atDataStart = true;
      parser._dataStream = text;
      return text;
    };
    return parser;
  }

  /** A text with a code of its own keeps it; smtp-server would put its default for the reply code before it. */
  override send(code: number, data?: string | string[], context?: string | false): void {
    if (code === 421 && this.#answering) {
      this.#leaving = true;
      return;
    }
    if (code === 250 && Array.isArray(data) && !this.secure && this.authInClear?.(this.remoteAddress) === false)
      data = data.filter((feature) => !feature.startsWith('AUTH '));
    super.send(code, data, typeof data === 'string' && OWN_CODE.test(data) ? false : context);
    if (this.#leaving && code !== 421) super.send(421, '4.3.2 This server ends: open another connection', false);
  }

  /** A server that stops closes whatever is left: not before a message has its answer, or its client would send it again. */
  override close(): void {
    if (this.#answering && !this._socket.destroyed) this.#leaving = true;
    else super.close();
  }

  /** The message is here, and what becomes of it is not said yet. */
  get #answering(): boolean {
    return Boolean(this._dataStream && this._parser && !this._parser._dataMode);
  }

  #end(): void {
    if (this._closing || this._closed) return;
    // A client that is cut off while its message commits would send it again.
    if (this.#answering || this._handlerPending) this.endAfter(AGAIN_MS);
    else this.send(421, '4.4.2 This connection has lasted long enough: open another');
  }
}

export interface ConnectionLimits {
  /** ms a connection may last. */
  readonly session: number;
  /** ms a client has to sign in; absent: it need not. */
  readonly signIn?: number | undefined;
}

export interface ConnectionWishes extends ConnectionLimits {
  /** A listed proxy sent no header that can be read; its connection is closed. */
  readonly onBadProxy: (proxy: string, error: Error) => void;
  /** May this client sign in without TLS? Where not, AUTH is not offered: it would send its password to hear 538. */
  readonly authInClear?: ((address: string) => boolean) | undefined;
}

/** An SMTPServer whose connections are ours. */
export class Server extends SMTPServer {
  readonly #wishes: ConnectionWishes;

  constructor(options: SMTPServerOptions, wishes: ConnectionWishes) {
    super(options);
    this.#wishes = wishes;
  }

  /** smtp-server reads version 1 alone. Peers that are not listed (`useProxy`) are never asked for a header. */
  override _handleProxy(socket: Socket, callback: Parameters<SMTPServer['_handleProxy']>[1]): void {
    if (!this._expectsProxyHeader(socket)) {
      super._handleProxy(socket, callback);
      return;
    }
    const proxy = socket.remoteAddress ?? '';
    proxiedSource(socket).then(
      (source) =>
        callback(null, {
          id: randomBytes(10).toString('hex'),
          ...(source === null ? {} : { remoteAddress: source.address, remotePort: source.port }),
        }),
      (error: Error) => {
        this.#wishes.onBadProxy(proxy, error);
        callback(error);
      },
    );
  }

  override connect(socket: Socket | TLSSocket, options?: ConstructorParameters<typeof SMTPConnection>[2]): void {
    const connection = new Connection(this, socket, options);
    this.connections.add(connection);
    connection.on('error', (error) => this.emit('error', error));
    connection.authInClear = this.#wishes.authInClear;
    connection.init();
    connection.endAfter(this.#wishes.session);
    if (this.#wishes.signIn !== undefined) connection.endUnlessSignedIn(this.#wishes.signIn);
  }
}
