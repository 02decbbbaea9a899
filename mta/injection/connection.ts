/**
 * A client's connection. smtp-server does the protocol; what it has no option for is here: replies that bring their own
 * enhanced status code, and an end to connections that are never idle. It reads a few of its base class's internals,
 * which its published types declare; package.json pins the version.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';

const OWN_CODE = /^[245]\.\d{1,3}\.\d{1,3} /;
/** How soon a connection whose time is over is looked at again while it waits for us. */
const AGAIN_MS = 1_000;

class Connection extends SMTPConnection {
  #timer: NodeJS.Timeout | undefined;

  /** Ends the connection after `ms`, but never between a message's end and our answer to it. */
  endAfter(ms: number): void {
    this.#timer = setTimeout(() => this.#end(), ms).unref();
  }

  /** Whichever socket it is by now: STARTTLS replaces it, and takes the listeners off the old one. */
  override _onClose(): void {
    clearTimeout(this.#timer);
    super._onClose();
  }

  /** A text with a code of its own keeps it; smtp-server would put its default for the reply code before it. */
  override send(code: number, data?: string | string[], context?: string | false): void {
    super.send(code, data, typeof data === 'string' && OWN_CODE.test(data) ? false : context);
  }

  #end(): void {
    if (this._closing || this._closed) return;
    // A client that is cut off while its message commits would send it again.
    const answering = this._dataStream && this._parser && !this._parser._dataMode;
    if (answering || this._handlerPending) this.endAfter(AGAIN_MS);
    else this.send(421, '4.4.2 This connection has lasted long enough: open another');
  }
}

export interface ConnectionLimits {
  /** ms a connection may last. */
  readonly session: number;
}

/** An SMTPServer whose connections are ours. */
export class Server extends SMTPServer {
  readonly #limits: ConnectionLimits;

  constructor(options: SMTPServerOptions, limits: ConnectionLimits) {
    super(options);
    this.#limits = limits;
  }

  override connect(socket: Socket | TLSSocket, options?: ConstructorParameters<typeof SMTPConnection>[2]): void {
    const connection = new Connection(this, socket, options);
    this.connections.add(connection);
    connection.on('error', (error) => this.emit('error', error));
    connection.init();
    connection.endAfter(this.#limits.session);
  }
}
