/**
 * nodemailer's SMTP client, with what it has no option for. It asks for SMTPUTF8 when an address needs it, and a header beyond
 * ASCII needs it as well (RFC 6531 §3.4). It writes a pipelined envelope as three pieces and sends a message as a stream, where
 * each is one write. It overrides internal methods; package.json pins the version, and tests against a real server would
 * notice.
 */
import type { Socket } from 'node:net';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { WholeBody } from './whole-body.ts';

type Envelope = Parameters<SMTPConnection['send']>[0];
type Message = Parameters<SMTPConnection['send']>[1];
type Done = Parameters<SMTPConnection['send']>[2];
type Ended = (error: Error | null, response?: string) => void;

/** What of an envelope was answered so far. */
interface Answered {
  readonly accepted?: readonly string[];
  readonly mailError?: Error;
  readonly rejectedErrors?: readonly Error[];
}

/** What the library does with the place a message's text goes to. */
interface Destination {
  readonly outByteCount: number;
  write(message: unknown): void;
  end(): void;
}

interface Internals {
  /** What the server offered in its EHLO answer. */
  readonly _supportedExtensions: readonly string[];
  readonly _socket: Socket;
  readonly _responseActions: ((reply: string) => void)[];
  /** Of the transaction under way, or the last one; false: there was none. */
  _envelope: Answered | false;
  _sendCommand(line: string, shown?: string): void;
  _formatError(message: string, type: string, reply: string, command: string): Error;
  /** Takes the answer to DATA. */
  _actionDATA(reply: string, done: (error: Error | null) => void): void;
  /** Called when DATA was answered with 354. */
  _createSendStream(ended: Ended): Destination;
  /** Turns the answer to the final dot into a result. */
  _actionSMTPStream(reply: string, ended: Ended): void;
}

const Base = SMTPConnection as unknown as new (
  options: ConstructorParameters<typeof SMTPConnection>[0],
) => SMTPConnection & Internals;

export class SmtpClient extends Base {
  /** The message under way has headers beyond ASCII. */
  utf8Header = false;
  #whole: WholeBody | undefined;
  /** Commands of a pipelined envelope, until DATA ends it. */
  #envelope: string[] = [];

  get offers(): readonly string[] {
    return this._supportedExtensions;
  }

  /**
   * What a pipelined envelope was refused with; null: nothing was. The library decides an envelope by the answer to its DATA,
   * which a server that refuses and hangs up never gives.
   */
  get refused(): Error | null {
    const { mailError, accepted = [], rejectedErrors = [] } = this._envelope || {};
    return mailError ?? (accepted.length === 0 ? (rejectedErrors.at(-1) ?? null) : null);
  }

  /** One transaction; a WholeBody goes out in one write. */
  override send(envelope: Envelope, message: Message | WholeBody, done: Done): void {
    // Set for every message: one that was refused before its text must not be sent in the next one's place.
    this.#whole = message instanceof WholeBody ? message : undefined;
    this._envelope = false;
    super.send(envelope, message as Message, done);
  }

  override _sendCommand(line: string, shown?: string): void {
    const asks = this.utf8Header && line.startsWith('MAIL FROM:') && !/ SMTPUTF8\b/.test(line);
    const command = asks ? `${line} SMTPUTF8` : line;
    // The library corks the socket around the envelope, and nothing else.
    const pipelines = this._socket?.writableCorked > 0;
    if (pipelines) this.#envelope.push(command);
    if (!pipelines) super._sendCommand(command, shown);
    else if (line === 'DATA') super._sendCommand(this.#envelope.splice(0).join('\r\n'));
  }

  /**
   * The library takes a 2xx to DATA for a 354. It is none: either the server reads what follows as commands, so that the text of
   * a message speaks to it (and 250 to the last line of it would be a delivery that never was), or it is an answer to
   * something before, and every one after it is to another command than we think. The session is over.
   */
  override _actionDATA(reply: string, done: (error: Error | null) => void): void {
    if (reply.startsWith('2')) {
      this.close();
      done(this._formatError('DATA was answered as if it were over', 'EPROTOCOL', reply, 'DATA'));
    } else super._actionDATA(reply, done);
  }

  /** Lines of one reply that disagree (RFC 5321 §4.2.1 forbids it): the last one is the verdict, as it is for Postfix. */
  override _actionSMTPStream(reply: string, ended: Ended): void {
    const last = reply.slice(reply.lastIndexOf('\n') + 1);
    super._actionSMTPStream(/^[2-5]\d\d/.test(last) && last.slice(0, 3) !== reply.slice(0, 3) ? last : reply, ended);
  }

  override _createSendStream(ended: Ended): Destination {
    const body = this.#whole;
    this.#whole = undefined;
    if (body === undefined) return super._createSendStream(ended);
    let outByteCount = 0;
    return {
      get outByteCount() {
        return outByteCount;
      },
      write: () => {
        const bytes = body.take();
        if (bytes === null) return ended(new Error('the message was not finished'));
        outByteCount = bytes.length;
        this._responseActions.push((reply) => this._actionSMTPStream(reply, ended));
        this._socket.write(bytes);
      },
      end: () => {},
    };
  }
}
