/** One kept SMTP connection, bound to a lane's address. Never nodemailer's pool: it repeats messages after DATA. */
import { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';

export interface ConnectionSpec {
  readonly host: string;
  readonly ip: string;
  readonly port: number;
  readonly localAddress: string;
  readonly ehloName: string;
}

/** How one transaction ended. `sent`: RCPT went out, so the unit is used. `lost`: the answer to the final dot never came. */
export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly stage: 'connect' | 'ehlo' | 'mail' | 'rcpt' | 'data';
  readonly sent: boolean;
  readonly lost: boolean;
}

type Failure = Error & {
  code?: string;
  responseCode?: number;
  response?: string;
  command?: string;
  rejectedErrors?: Failure[];
};

export class EgressConnection {
  readonly spec: ConnectionSpec;
  readonly #smtp: SMTPConnection;
  #open = false;
  used = 0;
  idleSince = 0;

  constructor(spec: ConnectionSpec) {
    this.spec = spec;
    this.#smtp = new SMTPConnection({
      host: spec.ip,
      port: spec.port,
      localAddress: spec.localAddress,
      name: spec.ehloName,
      servername: spec.host,
      opportunisticTLS: true,
      // Opportunistic TLS authenticates nobody (RFC 7435): an unknown certificate is better than clear text.
      tls: { rejectUnauthorized: false },
      logger: false,
      connectionTimeout: 30_000,
      greetingTimeout: 30_000,
      socketTimeout: 300_000,
    });
    // Registered before connect: an idle drop must not end the process.
    this.#smtp.on('error', () => {
      this.#open = false;
    });
    this.#smtp.on('end', () => {
      this.#open = false;
    });
  }

  get open(): boolean {
    return this.#open;
  }

  /** Connects and greets; resolves to null, or to the answer that refused us. */
  connect(): Promise<Answer | null> {
    return new Promise((resolve) => {
      const failed = (error: Failure) => {
        this.#open = false;
        resolve(answerOf(error, 'connect'));
      };
      this.#smtp.once('error', failed);
      this.#smtp.connect((error) => {
        this.#smtp.off('error', failed);
        if (error) return failed(error as Failure);
        this.#open = true;
        resolve(null);
      });
    });
  }

  /**
   * One transaction with one recipient. `mayFinish` is asked when the whole message is written: past its claim a
   * sender never sends the final dot, the connection is cut instead.
   */
  deliver(from: string, to: string, raw: Buffer, mayFinish: () => boolean): Promise<Answer> {
    this.used += 1;
    return new Promise((resolve) => {
      const body = new Readable({ read() {} });
      body.push(raw);
      // nodemailer pipes the body after 354: the end is held back until somebody reads, and asked for then.
      let asked = false;
      body._read = () => {
        if (asked) return;
        asked = true;
        if (mayFinish()) body.push(null);
        else this.close();
      };
      this.#smtp.send({ from, to: [to], size: raw.length, use8BitMime: true }, body, (error, info) => {
        if (error) {
          const answer = answerOf(error as Failure, 'data');
          if (!this.#open || answer.code === 0) this.close();
          else if (answer.code === 421) this.close();
          return resolve(answer);
        }
        resolve({ code: 250, text: info?.response ?? '', stage: 'data', sent: true, lost: false });
      });
    });
  }

  /** Clears the transaction after a refusal; false: the connection is no use any more. */
  reset(): Promise<boolean> {
    if (!this.#open) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#smtp.reset((error) => {
        if (error) this.close();
        resolve(!error);
      });
    });
  }

  quit(): void {
    if (this.#open) this.#smtp.quit();
    this.#open = false;
  }

  close(): void {
    this.#open = false;
    this.#smtp.close();
  }
}

function answerOf(error: Failure, fallback: Answer['stage']): Answer {
  const inner = error.rejectedErrors?.[0] ?? error;
  const stage = stageOf(inner.command, fallback);
  const code = inner.responseCode ?? 0;
  const text = inner.response ?? inner.message;
  const sent = stage === 'rcpt' || stage === 'data';
  // Without a reply code the connection broke: after DATA nobody knows whether the message was taken.
  return { code, text, stage, sent, lost: code === 0 && stage === 'data' };
}

function stageOf(command: string | undefined, fallback: Answer['stage']): Answer['stage'] {
  if (command === undefined) return fallback;
  if (command.startsWith('CONN')) return 'connect';
  if (/^(EHLO|HELO|STARTTLS|LHLO)/.test(command)) return 'ehlo';
  if (command.startsWith('MAIL')) return 'mail';
  if (command.startsWith('RCPT')) return 'rcpt';
  return fallback;
}
