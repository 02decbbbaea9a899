/** One kept SMTP connection, bound to a lane's address. Never nodemailer's pool: it repeats messages after DATA. */
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { HeldBody } from './held-body.ts';

export interface ConnectionSpec {
  readonly host: string;
  readonly ip: string;
  readonly port: number;
  readonly localAddress: string;
  readonly ehloName: string;
  /** Never STARTTLS: the second try after a failed opportunistic handshake. */
  readonly clear?: boolean;
}

/** How one transaction ended. `sent`: RCPT went out, so the unit is used. `lost`: the answer to the final dot never came. */
export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly stage: 'connect' | 'ehlo' | 'mail' | 'rcpt' | 'data';
  readonly sent: boolean;
  readonly lost: boolean;
  /** What of ours or between us failed: the source address could not be bound, or the TLS handshake broke. */
  readonly cause?: 'bind' | 'tls';
}

type Failure = Error & {
  code?: string;
  originalCode?: string;
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
      opportunisticTLS: spec.clear !== true,
      ignoreTLS: spec.clear === true,
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
        resolve(refusalOf(error));
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
   * One transaction with one recipient. `mayFinish` is asked when everything but the final dot has been handed over:
   * past its claim a sender never sends it, the connection is cut instead. `until` (ms): by then RCPT must be answered.
   */
  deliver(
    from: string,
    to: string,
    raw: Buffer,
    mayFinish: () => boolean,
    until: number = Number.MAX_SAFE_INTEGER,
  ): Promise<Answer> {
    this.used += 1;
    const body = new HeldBody(raw, mayFinish);
    return new Promise((resolve) => {
      // A remote that takes its time over MAIL must not get the RCPT in the next window: that one has its own grant.
      const late = setTimeout(
        () => {
          if (!body.begun) this.close();
        },
        Math.min(FAR, Math.max(0, until - Date.now())),
      );
      const conclude = (answer: Answer) => {
        clearTimeout(late);
        this.#smtp.off('end', ended);
        if (answer.code === 0 || answer.code === 421) this.close();
        resolve(answer);
      };
      // A connection that is closed under a transaction does not always answer it: nobody may wait for ever.
      const ended = () => setImmediate(() => conclude(broken('the connection was closed', body.released)));
      this.#smtp.once('end', ended);
      this.#smtp.send({ from, to: [to], size: raw.length, use8BitMime: true }, body, (error, info) => {
        if (error) conclude(answerOf(error as Failure, body));
        else conclude({ code: 250, text: printable(info?.response ?? ''), stage: 'data', sent: true, lost: false });
      });
    });
  }

  /** Clears the transaction after a refusal; false: the connection is no use any more. */
  reset(): Promise<boolean> {
    if (!this.#open) return Promise.resolve(false);
    return new Promise((resolve) => {
      const ended = () => resolve(false);
      this.#smtp.once('end', ended);
      this.#smtp.reset((error) => {
        this.#smtp.off('end', ended);
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

/** Why no session could be opened. */
function refusalOf(error: Failure): Answer {
  const code = replyCode(error);
  const stage = /^(EHLO|HELO|STARTTLS)/.test(error.command ?? '') ? 'ehlo' : 'connect';
  const answer = { code, text: printable(error.response ?? error.message), stage, sent: false, lost: false } as const;
  if ((error.originalCode ?? error.code) === 'EADDRNOTAVAIL' || /\bEADDRNOTAVAIL\b/.test(error.message)) {
    return { ...answer, cause: 'bind' };
  }
  return error.code === 'ETLS' && code === 0 ? { ...answer, cause: 'tls' } : answer;
}

function answerOf(error: Failure, body: HeldBody): Answer {
  const inner = error.rejectedErrors?.[0] ?? error;
  const code = replyCode(inner);
  const text = printable(inner.response ?? inner.message);
  if (code !== 0) {
    const stage = stageOf(inner.command);
    return { code, text, stage, sent: stage !== 'mail', lost: false };
  }
  if (body.cut) return { code: 0, text: CUT, stage: 'data', sent: true, lost: false };
  // What the library refuses by itself never reached the remote: larger than its SIZE, an address it can not write.
  if (inner.code === 'EMESSAGE') return { code: 552, text: `5.3.4 ${text}`, stage: 'mail', sent: false, lost: false };
  if (inner.code === 'EENVELOPE') return { code: 553, text: `5.1.3 ${text}`, stage: 'mail', sent: false, lost: false };
  if (inner.command === 'API') return { code: 0, text, stage: 'connect', sent: false, lost: false };
  return broken(text, body.released);
}

/** Longest delay a timer takes, ms. */
const FAR = 2 ** 31 - 1;

const CUT = 'not finished: this process may have lost its claim on the message';

/**
 * The connection broke in mid-transaction. The envelope may be out (it is pipelined), so the unit counts as used; after
 * the final dot nobody knows whether the message was taken.
 */
function broken(text: string, released: boolean): Answer {
  return { code: 0, text, stage: 'data', sent: true, lost: released };
}

/** A reply is a stranger's text: PostgreSQL refuses NUL, and no log or terminal wants the other control characters. */
function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').trim();
}

/** Only a refusal is an answer to trust here: an unexpected 2xx is a broken session, not a delivery. */
function replyCode(error: Failure): number {
  const code = error.responseCode ?? 0;
  return code >= 400 && code <= 599 ? code : 0;
}

function stageOf(command: string | undefined): Answer['stage'] {
  if (command?.startsWith('MAIL')) return 'mail';
  return command?.startsWith('RCPT') ? 'rcpt' : 'data';
}
