/** One outgoing SMTP connection as a promise; feedback reports, bounces and the application go out through it. */
import SMTPConnection from 'nodemailer/lib/smtp-connection';

export interface SmtpPeer {
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly password?: string;
  /** EHLO name; the application's without it. */
  readonly name?: string;
}

/**
 * `answered`: the peer's reply to one message. `unanswered`: the connection broke after the message may have gone out.
 * `unreachable`: it broke before, nothing was sent.
 */
export type SendResult =
  | { readonly kind: 'answered'; readonly code: number; readonly text: string }
  | { readonly kind: 'unanswered'; readonly text: string }
  | { readonly kind: 'unreachable'; readonly text: string };

const CONNECT_MS = 5_000;
const ANSWER_MS = 30_000;

interface SmtpError extends Error {
  responseCode?: number;
  response?: string;
}

/** Keeps a connection while it works and makes a new one when it does not. One message at a time. */
export class SmtpClient {
  readonly #peer: SmtpPeer;
  #connection: SMTPConnection | null = null;
  /** Ends the message under way, for nodemailer forgets its callback when a connection is closed from this side. */
  #giveUp: (() => void) | null = null;

  constructor(peer: SmtpPeer) {
    this.#peer = peer;
  }

  /** Never rejects. */
  async send(from: string, to: string, message: string): Promise<SendResult> {
    let connection: SMTPConnection;
    try {
      connection = this.#connection ?? (await this.#connect());
    } catch (error) {
      return { kind: 'unreachable', text: (error as Error).message };
    }
    return new Promise<SendResult>((resolve) => {
      this.#giveUp = () => resolve({ kind: 'unanswered', text: 'closed while it waited for the answer' });
      connection.send({ from: from === '' ? false : from, to: [to] }, message, (cause, info) => {
        if (!cause) return resolve({ kind: 'answered', code: codeOf(info?.response), text: info?.response ?? '' });
        const { responseCode, response } = cause as SmtpError;
        if (responseCode === undefined) {
          this.#hangUp();
          return resolve({ kind: 'unanswered', text: cause.message });
        }
        const answer: SendResult = { kind: 'answered', code: responseCode, text: response ?? cause.message };
        // After a 421 the peer closes (RFC 5321 §3.8): there is nothing left to reset.
        if (responseCode === 421) {
          this.#hangUp();
          return resolve(answer);
        }
        connection.reset((failed) => {
          if (failed) this.#hangUp();
          resolve(answer);
        });
      });
    }).finally(() => {
      this.#giveUp = null;
    });
  }

  /** Hangs up; a message under way ends as `unanswered`. */
  close(): void {
    this.#hangUp();
    this.#giveUp?.();
  }

  #hangUp(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  async #connect(): Promise<SMTPConnection> {
    const { host, port, user, password, name } = this.#peer;
    const connection = new SMTPConnection({
      host,
      port,
      name: name ?? 'app.shop.example',
      ignoreTLS: true,
      connectionTimeout: CONNECT_MS,
      greetingTimeout: CONNECT_MS,
      socketTimeout: ANSWER_MS,
      logger: false,
    });
    connection.once('end', () => {
      if (this.#connection === connection) this.#connection = null;
    });
    await new Promise<void>((resolve, reject) => {
      // Stays for the connection's life: a reset while it idles is an 'error' nobody else would hear.
      connection.on('error', reject);
      connection.connect(() => {
        if (user === undefined) return resolve();
        connection.login({ credentials: { user, pass: password ?? '' } }, (error) =>
          error ? reject(error) : resolve(),
        );
      });
    }).catch((error: unknown) => {
      connection.close();
      throw error;
    });
    this.#connection = connection;
    return connection;
  }
}

function codeOf(response: string | undefined): number {
  return Number.parseInt(response ?? '', 10) || 250;
}
