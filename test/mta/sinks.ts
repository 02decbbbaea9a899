/** Mail servers that write down what they see: one that behaves, and one that does what a test tells it. */
import net from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface Seen {
  readonly at: number;
  readonly rcpt: string;
  /** Source address of the connection. */
  readonly from: string;
}

export interface Taken extends Seen {
  readonly messageId: string;
  readonly mailFrom: string;
  readonly raw: string;
  /** It came over TLS. */
  readonly secure: boolean;
  /** MAIL asked for SMTPUTF8. */
  readonly smtpUtf8: boolean;
}

export interface Sink {
  /** Every RCPT, whatever was answered. */
  readonly rcpts: Seen[];
  /** Every message that was answered with 250. */
  readonly taken: Taken[];
  readonly connections: () => number;
  stop(): Promise<void>;
}

/** Answers a RCPT or a whole message with this reply; null takes it. */
export type Answers = (rcpt: string, from: string, before: number) => string | null;

export interface SinkOptions {
  readonly rcpt?: Answers;
  readonly data?: Answers;
  /** ms before a message is answered. */
  readonly slow?: number;
  /** PEM; STARTTLS is offered with it. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /**
   * Default true. Exim sends QUIT with the end of a message and closes its side (RFC 2920 allows it); this server's library
   * then no longer writes the answer it owes: where engines send here it is not offered.
   */
  readonly pipelining?: boolean;
}

/** A well-behaved server on `ip`:`port`. */
export async function startSink(ip: string, port: number, options: SinkOptions = {}): Promise<Sink> {
  const rcpts: Seen[] = [];
  const taken: Taken[] = [];
  let connections = 0;
  const refusal = (reply: string) => {
    const error = new Error(reply.slice(4)) as Error & { responseCode: number };
    error.responseCode = Number(reply.slice(0, 3));
    return error;
  };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: options.tls === undefined ? ['AUTH', 'STARTTLS'] : ['AUTH'],
    ...options.tls,
    disableReverseLookup: true,
    hidePIPELINING: options.pipelining === false,
    closeTimeout: 200,
    onConnect: (_session, done) => {
      connections += 1;
      done();
    },
    onRcptTo(address, session, done) {
      const before = rcpts.filter((one) => one.rcpt === address.address).length;
      rcpts.push({ at: Date.now(), rcpt: address.address, from: session.remoteAddress });
      const reply = options.rcpt?.(address.address, session.remoteAddress, before) ?? null;
      done(reply === null ? null : refusal(reply));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString('latin1');
        const rcpt = session.envelope.rcptTo[0]?.address ?? '';
        const before = taken.filter((one) => one.rcpt === rcpt).length;
        const reply = options.data?.(rcpt, session.remoteAddress, before) ?? null;
        if (reply !== null) return done(refusal(reply));
        const mailFrom = session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address;
        const messageId = /^Message-ID: *(\S+)/im.exec(raw)?.[1] ?? '';
        setTimeout(() => {
          taken.push({
            at: Date.now(),
            rcpt,
            from: session.remoteAddress,
            messageId,
            mailFrom,
            raw,
            secure: session.secure,
            smtpUtf8: session.envelope.smtpUtf8 === true,
          });
          done();
        }, options.slow ?? 0);
      });
    },
  });
  server.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, ip, () => resolve());
  });
  return {
    rcpts,
    taken,
    connections: () => connections,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

export interface Script {
  /** Replies by verb (BANNER, EHLO, MAIL, RCPT, DATA, DOT, RSET); `n` counts this verb over all connections, from 0. */
  readonly answer: (verb: string, n: number, socket: net.Socket) => string | 'drop' | 'silence';
  /** Pipelining and SIZE are offered unless `bare`. */
  readonly bare?: boolean;
}

export interface ScriptedSink {
  /** Commands in the order they came, with `DOT` for each end of a message. */
  readonly log: string[];
  /** Text inside DATA that was seen, ended or not. */
  readonly body: () => string;
  stop(): Promise<void>;
}

/** A server that answers as told, or drops the connection. */
export async function startScripted(ip: string, port: number, script: Script): Promise<ScriptedSink> {
  const log: string[] = [];
  const counts = new Map<string, number>();
  const sockets = new Set<net.Socket>();
  let body = '';
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    let inData = false;
    let waiting = '';
    const act = (verb: string) => {
      log.push(verb);
      const n = counts.get(verb) ?? 0;
      counts.set(verb, n + 1);
      const reply = script.answer(verb, n, socket);
      if (reply === 'drop') socket.destroy();
      else if (reply !== 'silence') socket.write(`${reply}\r\n`);
      inData = verb === 'DATA' && reply.startsWith('354');
      if (verb === 'QUIT' || reply.startsWith('421')) socket.end();
    };
    act('BANNER');
    socket.on('data', (chunk) => {
      waiting += chunk.toString('latin1');
      for (let end = waiting.indexOf('\r\n'); end !== -1 && !socket.destroyed; end = waiting.indexOf('\r\n')) {
        const line = waiting.slice(0, end);
        waiting = waiting.slice(end + 2);
        if (!inData) act((line.split(/[ :]/, 1)[0] ?? '').toUpperCase());
        else if (line === '.') {
          inData = false;
          act('DOT');
        } else body += `${line}\r\n`;
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, ip, () => resolve());
  });
  return {
    log,
    body: () => body,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** What an ordinary server answers. */
export function usual(verb: string, bare = false): string {
  if (verb === 'BANNER') return '220 sink ESMTP';
  if (verb === 'EHLO') return bare ? '250 sink' : '250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10000000';
  if (verb === 'DATA') return '354 go ahead';
  if (verb === 'QUIT') return '221 bye';
  return '250 2.0.0 Ok';
}
