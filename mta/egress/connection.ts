/** One kept SMTP connection, bound to a lane's address. Never nodemailer's pool: it repeats messages after DATA. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, type DetailedPeerCertificate, type SecureContext, TLSSocket } from 'node:tls';
import { format } from 'node:util';
import * as clock from '../clock.ts';
import { certificateProblem } from '../transport-security/certificate-problem.ts';
import type { Secured, TlsRequirement } from '../transport-security/requirement.ts';
import { daneProblem } from '../transport-security/tlsa.ts';
import { HeldBody } from './held-body.ts';
import { hasUtf8Header, misfit } from './misfit.ts';
import { SmtpClient } from './smtp-client.ts';
import type { Tracer } from './transcripts.ts';
import { goesAsItIs, WholeBody } from './whole-body.ts';

export interface ConnectionSpec {
  readonly host: string;
  readonly ip: string;
  readonly port: number;
  /** Absent: the system chooses (an upstream needs none of our sending addresses). */
  readonly localAddress?: string | undefined;
  readonly ehloName: string;
  /** What TLS must be; absent: opportunistic. */
  readonly need?: TlsRequirement;
  /** Never STARTTLS: the second try after a failed opportunistic handshake. */
  readonly clear?: boolean;
  /** TLS from the first byte (RFC 8314 §3.3). */
  readonly implicitTls?: boolean;
  /** Takes the conversation, line by line, without message texts. */
  readonly tracer?: Tracer;
  /** Certificates to check against; absent: the public authorities Node brings. */
  readonly authorities?: SecureContext;
}

/** How one transaction ended. `sent`: RCPT went out, so the unit is used. `lost`: the answer to the final dot never came. */
export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly stage: 'connect' | 'ehlo' | 'mail' | 'rcpt' | 'data';
  readonly sent: boolean;
  readonly lost: boolean;
  /** What of ours or between us failed: the source address could not be bound, or there is no TLS, or not what was asked for. */
  readonly cause?: 'bind' | 'tls';
  /** No remote said this: we did, before anything of the message went out. */
  readonly ours?: true;
  /** A connection that had served before was gone: it had died of age, and says nothing about this message. */
  readonly stale?: true;
}

type Failure = Error & {
  code?: string;
  originalCode?: string;
  responseCode?: number;
  response?: string;
  command?: string;
  rejectedErrors?: Failure[];
};

/** Read once: building it for every connection would cost more than the handshake. */
let publicAuthorities: SecureContext | undefined;

const NOT_SENT = { stage: 'ehlo', sent: false, lost: false } as const;
/** Longest time from the first packet to the end of the handshake and EHLO. */
const GREETED_MS = 120_000;
const NO_HEAD = Buffer.alloc(0);

export class EgressConnection {
  readonly spec: ConnectionSpec;
  readonly #smtp: SmtpClient;
  #open = false;
  #secured: Secured | null = null;
  used = 0;
  idleSince = 0;
  /** When its last transaction began: ms of the monotonic clock. */
  busySince = performance.now();

  constructor(spec: ConnectionSpec) {
    this.spec = spec;
    this.#smtp = new SmtpClient({
      host: spec.ip,
      port: spec.port,
      ...(spec.localAddress === undefined ? {} : { localAddress: spec.localAddress }),
      secure: spec.implicitTls === true,
      name: spec.ehloName,
      servername: nameOf(spec),
      ignoreTLS: spec.clear === true || spec.need?.startTls === 'never',
      opportunisticTLS: spec.need?.startTls !== 'must',
      requireTLS: spec.need?.startTls === 'must',
      // Opportunistic TLS authenticates nobody (RFC 7435): an unknown certificate is better than clear text. Where it must
      // be known, it is looked at after the handshake, before MAIL.
      tls: { rejectUnauthorized: false, secureContext: spec.authorities ?? authorities() },
      logger: spec.tracer === undefined ? false : loggerOf(spec.tracer),
      transactionLog: spec.tracer !== undefined,
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

  /** How the connection is protected; null: not at all. */
  get secured(): Secured | null {
    return this.#secured;
  }

  /** Connects and greets; resolves to null, or to the answer that refused us. */
  connect(): Promise<Answer | null> {
    return new Promise((resolve) => {
      // The library ends silences only: a host that drips a byte now and then is never silent.
      const late = setTimeout(() => {
        this.close();
        resolve({ code: 0, text: `no session within ${GREETED_MS / 1_000} s`, ...NOT_SENT });
      }, GREETED_MS);
      const failed = (error: Failure) => {
        clearTimeout(late);
        this.#open = false;
        // What goes wrong inside the handshake is reported as a socket's error.
        resolve(refusalOf(error, this.#smtp.upgrading === true));
      };
      this.#smtp.once('error', failed);
      this.#smtp.connect((error) => {
        this.#smtp.off('error', failed);
        if (error) return failed(error as Failure);
        clearTimeout(late);
        const problem = this.#inspect();
        if (problem !== null) {
          this.close();
          return resolve({
            code: 0,
            text: `${this.spec.host}: ${problem}`,
            stage: 'ehlo',
            sent: false,
            lost: false,
            cause: 'tls',
          });
        }
        this.#open = true;
        resolve(null);
      });
    });
  }

  /** Signs in (RFC 4954); resolves to null, or to the answer that refused us. Only upstreams ask for it. */
  signIn(user: string, pass: string): Promise<Answer | null> {
    return new Promise((resolve) => {
      const ended = () => conclude({ code: 0, text: 'the connection was closed at AUTH', ...NOT_SENT });
      const conclude = (answer: Answer | null) => {
        this.#smtp.off('end', ended);
        resolve(answer);
      };
      this.#smtp.once('end', ended);
      this.#smtp.login({ user, pass }, (error) => {
        if (!error) return conclude(null);
        const failure = error as Failure;
        conclude({ code: replyCode(failure), text: printable(failure.response ?? failure.message), ...NOT_SENT });
      });
    });
  }

  /** Looks at what TLS turned out to be; returns what is missing, or null. */
  #inspect(): string | null {
    const { need } = this.spec;
    const socket = this.#smtp._socket;
    if (!(socket instanceof TLSSocket)) return need?.startTls === 'must' ? 'it offers no TLS' : null;
    const code = String(socket.authorizationError ?? 'not authorized');
    const name = need?.serverName ?? this.spec.host;
    const problem = socket.authorized
      ? null
      : printable(certificateProblem(code, socket.getPeerCertificate(), name)).slice(0, 300);
    const match =
      need?.check === 'tlsa' ? daneProblem(need.tlsa, chainOf(socket), [need.serverName], new Date()) : undefined;
    this.#secured = {
      serverName: name,
      version: socket.getProtocol() ?? 'TLS',
      cipher: socket.getCipher().name,
      problem,
      dane: match === null,
    };
    if (need?.check === 'tlsa') return match ?? null;
    return need?.check === 'public-authority' && problem !== null ? `its certificate is not good: ${problem}` : null;
  }

  /** Why the remote can not carry this message at all, as the reply it would give; null: it can. */
  misfit(from: string, to: string, raw: Buffer): Answer | null {
    const found = misfit(this.spec.host, this.#smtp.offers, from, to, raw);
    return found === null ? null : { ...found, stage: 'mail', sent: false, lost: false, ours: true };
  }

  /**
   * One transaction with one recipient. `mayFinish` is asked when everything but the final dot has been handed over:
   * past its claim a sender never sends it, the connection is cut instead. `until` (ms): by then RCPT must be answered.
   * `head`: fields that go before the message.
   */
  deliver(
    from: string,
    to: string,
    raw: Buffer,
    mayFinish: () => boolean,
    until: number = Number.MAX_SAFE_INTEGER,
    head: Buffer = NO_HEAD,
  ): Promise<Answer> {
    this.used += 1;
    this.busySince = performance.now();
    const body = goesAsItIs(raw) ? new WholeBody(head, raw, mayFinish) : new HeldBody(head, raw, mayFinish);
    const size = head.length + raw.length;
    this.#smtp.utf8Header = hasUtf8Header(raw);
    return new Promise((resolve) => {
      // A remote that takes its time over MAIL must not get the RCPT in the next window: that one has its own grant.
      const late = setTimeout(
        () => {
          if (!body.begun) this.close();
        },
        Math.min(FAR, Math.max(0, until - clock.now())),
      );
      const conclude = (answer: Answer) => {
        clearTimeout(late);
        this.#smtp.off('end', ended);
        if (answer.code === 0 || answer.code === 421) this.close();
        resolve(answer.code === 0 && this.used > 1 && !body.begun ? { ...answer, stale: true } : answer);
      };
      // A connection that is closed under a transaction does not always answer it: nobody may wait for ever.
      // Its last word may have come before: a server that refuses MAIL or RCPT and hangs up has answered.
      const closed = (error: Failure | null): Answer => {
        const refused = body.begun ? null : (this.#smtp.refused as Failure | null);
        if (refused !== null && replyCode(refused) !== 0) return answerOf(refused, body);
        return error === null ? broken('the connection was closed', body.released) : answerOf(error, body);
      };
      const ended = () => setImmediate(() => conclude(closed(null)));
      this.#smtp.once('end', ended);
      this.#smtp.send({ from, to: [to], size, use8BitMime: true }, body, (error, info) => {
        if (error) conclude(closed(error as Failure));
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

/** The library's log as a conversation: what client and server said, and what became of the connection. */
function loggerOf(tracer: Tracer) {
  const write = (entry: unknown, message?: unknown, ...rest: unknown[]) => {
    const { tnx } = (entry ?? {}) as { tnx?: string };
    const text = format(message ?? '', ...rest);
    if (tnx === 'client' || tnx === 'server') tracer(tnx, printableLines(text));
    else if (tnx !== 'message') tracer('note', printableLines(text));
  };
  return { level: () => {}, trace: write, debug: write, info: write, warn: write, error: write, fatal: write } as never;
}

function printableLines(text: string): string {
  return text.split(/\r?\n/).map(printable).join('\n');
}

/** The name asked for in the handshake; none for an address (RFC 6066 §3), whose certificate is then checked for it. */
function nameOf({ need, host }: ConnectionSpec): string | undefined {
  const name = need?.serverName ?? host;
  return isIP(name) === 0 ? name : undefined;
}

function authorities(): SecureContext {
  publicAuthorities ??= createSecureContext();
  return publicAuthorities;
}

/** The chain as the host presented it, its own certificate first. */
function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<DetailedPeerCertificate>();
  // The last certificate names itself as its issuer.
  for (let at = socket.getPeerCertificate(true); at?.raw !== undefined && !seen.has(at); at = at.issuerCertificate) {
    seen.add(at);
    chain.push(new X509Certificate(at.raw));
  }
  return chain;
}

/** Why no session could be opened. */
function refusalOf(error: Failure, handshake: boolean): Answer {
  if (handshake || error.code === 'ETLS') {
    // A refused STARTTLS is no word about us: some hosts offer what they do not have.
    const text = printable(`no TLS: ${error.response ?? error.message}`);
    return { code: 0, text, stage: 'ehlo', sent: false, lost: false, cause: 'tls' };
  }
  const code = replyCode(error);
  const stage = /^(EHLO|HELO|STARTTLS)/.test(error.command ?? '') ? 'ehlo' : 'connect';
  const answer = { code, text: printable(error.response ?? error.message), stage, sent: false, lost: false } as const;
  if ((error.originalCode ?? error.code) === 'EADDRNOTAVAIL' || /\bEADDRNOTAVAIL\b/.test(error.message)) {
    return { ...answer, cause: 'bind' };
  }
  return answer;
}

function answerOf(error: Failure, body: HeldBody | WholeBody): Answer {
  const inner = error.rejectedErrors?.[0] ?? error;
  const code = replyCode(inner);
  const text = printable(inner.response ?? inner.message);
  if (code !== 0) {
    const stage = stageOf(inner.command);
    return { code, text, stage, sent: stage !== 'mail', lost: false };
  }
  if (body.cut) return { code: 0, text: CUT, stage: 'data', sent: true, lost: false };
  // What the library refuses by itself never reached the remote: larger than its SIZE, an address it can not write.
  const own = { stage: 'mail', sent: false, lost: false, ours: true } as const;
  // With a reply it is the remote's word, one that means nothing at this place (354 to RCPT): a broken session.
  const unsaid = inner.response === undefined;
  if (unsaid && inner.code === 'EMESSAGE') return { code: 552, text: `5.3.4 ${text}`, ...own };
  if (unsaid && inner.code === 'EENVELOPE') return { code: 553, text: `5.1.3 ${text}`, ...own };
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
